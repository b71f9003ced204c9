package torture

import (
	"fmt"
	"regexp"
)

// layout is how the objects of a round are named, and what is near these names and not ours.
type layout struct {
	path, file string // of the config; "" is the default
	key        string // what a key looks like, with %s for the stream
	near       []string
	places     bool // the rows are in partitions: see places
}

var layouts = []layout{
	{key: `%s/\d{4}_\d{2}_\d{2}_\d+_\d+`, near: []string{"%s/2021_01_01_1609541171643_0.csv.bak", "%s/backup/2021_01_01_1609541171643_0.csv", "%s_neighbour/2021_01_01_1609541171643_0.csv"}},
	// One path for all syncs.
	{"${NAMESPACE}/${STREAM_NAME}/", "part-{part_number}{format_extension}", `%s/part-\d+`, []string{"%s/part-0.csv.bak", "%s/part-00.csv", "%s/x/part-0.csv", "%s_x/part-0.csv", "%s/2021_01_01_1609541171643_0.csv"}, false},
	// The time in directories.
	{"${STREAM_NAME}/${YEAR}/${MONTH}/${DAY}/${EPOCH}_", "", `%s/\d{4}/\d{2}/\d{2}/\d+_\d+`, []string{"%s/2021/01/01/1_0.csv.bak", "%s/2021/01/1_0.csv", "%s/2021/01/01/x/1_0.csv", "%s_x/2021/01/01/1_0.csv"}, false},
	// No directory, and a name of its own for each object.
	{"${STREAM_NAME}_", "{timestamp:micros}{format_extension}", `%s_\d{16}`, []string{"%s_1609541171643.csv", "%s_x_1609541171643000.csv", "%s1609541171643000.csv"}, false},
	// The day in directories, and no number in the pattern.
	{"${YEAR}/${MONTH}/${STREAM_NAME}/", "{date}{format_extension}", `\d{4}/\d{2}/%s/\d{4}_\d{2}_\d{2}(~\d+)?`, []string{"2021/01/%s/2021_02_01.csv", "2021/01/%s/2021_01_01-1.csv", "2021/%s/2021_01_01.csv"}, false},
	// Partitions, below the time of the sync in the file's name, and below one path for all syncs.
	{"", "", `%s/place=[^/]+/\d{4}_\d{2}_\d{2}_\d+_\d+`, []string{"%s/place=1/2021_01_01_1609541171643_0.csv.bak", "%s/place/2021_01_01_1609541171643_0.csv", "%s_x/place=1/2021_01_01_1609541171643_0.csv"}, true},
	{"${NAMESPACE}/${STREAM_NAME}/", "part-{part_number}{format_extension}", `%s/place=[^/]+/part-\d+`, []string{"%s/place=1/part-00.csv", "%s/place=1/x/part-0.csv", "%s_x/place=1/part-0.csv"}, true},
}

// places are the values of the field that partitions are named by, as rows have them in turn, and what the
// names of directories make of them.
var places = [][2]string{{`"a/b"`, "a%2Fb"}, {`null`, "__HIVE_DEFAULT_PARTITION__"}, {`7`, "7"}}

// placeField is their name. Its values are in the names of directories alone.
const placeField = "place"

// names are what the keys of a stream's objects look like.
func (l *layout) names(s Stream) *regexp.Regexp {
	return regexp.MustCompile(`^` + dir + `/` + fmt.Sprintf(l.key, s.Name) + `\.(csv|jsonl)(\.gz)?$`)
}
