package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// plainBash is for a shell without the package bash-completion, which cobra's script takes for
// granted. The shell cuts words at "=" and ":"; here they become whole again.
const plainBash = `
# For a shell without the package bash-completion.
__sluice_init_completion()
{
    local i apart=yes
    words=() cword=0 COMPREPLY=()
    for i in "${!COMP_WORDS[@]}"; do
        case ${COMP_WORDS[i]} in
            =*|:*) [[ $i -gt 0 ]] && apart=no ;;
        esac
        if [[ $apart == yes ]]; then
            words+=("${COMP_WORDS[i]}")
        else
            words[${#words[@]}-1]+=${COMP_WORDS[i]}
        fi
        case ${COMP_WORDS[i]} in
            =|:) apart=no ;;
            *) apart=yes ;;
        esac
        [[ $i -eq $COMP_CWORD ]] && cword=$((${#words[@]}-1))
    done
    cur=${words[cword]} prev=${words[cword > 0 ? cword-1 : 0]}
}
`

// completeEverywhere makes the script for bash one that needs nothing but bash.
func completeEverywhere(root *cobra.Command, out io.Writer) {
	root.SetOut(out)
	root.InitDefaultCompletionCmd()
	bash, _, err := root.Find([]string{"completion", "bash"})
	if err != nil || bash.RunE == nil {
		return
	}
	bash.Long = strings.Replace(bash.Long, "This script depends on the 'bash-completion' package.\nIf it is not installed already, you can install it via your OS's package manager.\n\n", "", 1)
	script := bash.RunE
	bash.RunE = func(cmd *cobra.Command, args []string) error {
		if err := script(cmd, args); err != nil {
			return err
		}
		_, err := io.WriteString(out, plainBash)
		return err
	}
}
