#!/bin/sh
# Runs each fuzz target of the repository for the given time (go test can do only one at a
# time). What fails is kept in testdata/fuzz of its package, where go test runs it for good.
set -eu
time=${1:-30s}

# Not part of the pipe below, where a package that does not build would go unnoticed.
all=$(go test -list '^Fuzz' ./...) || { echo "$all"; exit 1; }

# What is printed is the targets of a package, then its "ok" line, which names the package.
echo "$all" | awk '
	/^Fuzz/ { target[n++] = $1 }
	/^ok/ { for (i = 0; i < n; i++) print $2, target[i]; n = 0 }
' | {
	count=0
	while read -r package target; do
		echo "$package $target, $time"
		# The output of a run that finds nothing says nothing.
		# Minimising is bounded by steps: bounded by time, it can run into the deadline of the run.
		if ! out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$package" </dev/null 2>&1); then
			case $out in
			# The tool's own end of time is no finding: it has written no input.
			*"Failing input written"*) echo "$out"; exit 1 ;;
			*"context deadline exceeded"*) echo "(cut off by its deadline)" ;;
			*) echo "$out"; exit 1 ;;
			esac
		fi
		count=$((count + 1))
	done
	echo "$count fuzz targets found nothing"
}
