package layout

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The platform doesn't start the image by its entry point: it reads AIRBYTE_ENTRYPOINT and
// builds a command line of its own around that. Both must start the same.
func TestImageStartsWhatItSays(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	// What counts is the last stage.
	stages := regexp.MustCompile(`(?m)^FROM `).Split(string(text), -1)
	last := stages[len(stages)-1]
	env := regexp.MustCompile(`(?m)^ENV AIRBYTE_ENTRYPOINT="(.*)"$`).FindStringSubmatch(last)
	entry := regexp.MustCompile(`(?m)^ENTRYPOINT (\[.*\])$`).FindStringSubmatch(last)
	if env == nil || entry == nil {
		t.Fatalf(`the last stage needs ENV AIRBYTE_ENTRYPOINT="..." and ENTRYPOINT ["..."]`)
	}
	var args []string
	if err := json.Unmarshal([]byte(entry[1]), &args); err != nil {
		t.Fatalf("ENTRYPOINT %s: %v", entry[1], err)
	}
	if got := strings.Join(args, " "); got != env[1] {
		t.Errorf("ENTRYPOINT starts %q, AIRBYTE_ENTRYPOINT says %q", got, env[1])
	}
	if len(args) == 0 || !strings.Contains(last, " "+args[0]+"\n") {
		t.Errorf("nothing is copied to %v", args)
	}
	if !regexp.MustCompile(`(?m)^USER [1-9]\d*(:\d+)?$`).MatchString(last) {
		t.Error("the image needs a USER, as a number that is not 0: only then can a cluster check that it is not root")
	}
}
