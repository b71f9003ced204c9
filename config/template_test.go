package config

import "testing"

const (
	pathVariables = `allowed are ${NAMESPACE}, ${STREAM_NAME}, ${YEAR}, ${MONTH}, ${DAY}, ${HOUR}, ${MINUTE}, ${SECOND}, ${MILLISECOND}, ${EPOCH}, ${UUID}`
	fileVariables = `allowed are {date}, {date:yyyy_MM_dd}, {timestamp}, {timestamp:millis}, {timestamp:micros}, {part_number}, {sync_id}, {format_extension}`
)

// kafkaWith is a fragment with the engine kafka.
func kafkaWith(fragment string) string {
	return `"engine": "kafka", "kafka": {"brokers": "b:9092"}, ` + fragment
}

// templateErrors are fragments that name objects in a way that is refused, and what is said of each.
var templateErrors = []struct{ fragment, want string }{
	{`"s3_bucket_path": "${NAME}/x"`, `s3_bucket_path is "${NAME}/x": the variable ${NAME} is not known: ` + pathVariables},
	{`"s3_bucket_path": "${YEAR}/../x"`, `s3_bucket_path is "${YEAR}/../x": must have no "." or ".." between its slashes`},
	{`"s3_path_format": "${STREAM}/{x}"`, `s3_path_format is "${STREAM}/{x}": the variable ${STREAM} is not known: ` + pathVariables},
	{`"file_name_pattern": "${YEAR}{sync_id}"`, `file_name_pattern is "${YEAR}{sync_id}": the variable {YEAR} is not known: ` + fileVariables},
	{`"file_name_pattern": "{date:YYYY}"`, `file_name_pattern is "{date:YYYY}": the variable {date:YYYY} has "Y" in its pattern: a pattern of a date is made of yyyy, MM, dd, HH, mm, ss, SSS and the characters -_./:=,+`},
	{`"s3_path_format": "{x}", "file_name_pattern": "{x}"`, `s3_path_format is "{x}": has a "{" that is of no variable; a variable is written as in ${NAMESPACE}; ` +
		`file_name_pattern is "{x}": the variable {x} is not known: ` + fileVariables},
	{`"s3_path_format": "${x-my-id}", "access_key_id": "x-my-id", "secret_access_key": "k"`, `s3_path_format is ***: has a variable that is not known`},
	{kafkaWith(`"s3_path_format": "${STREAM_NAME}_"`), `s3_path_format is "${STREAM_NAME}_": with the engine kafka a path may have ${NAMESPACE} and ${STREAM_NAME} alone and has to end with a slash, or is "${NAMESPACE}/${STREAM_NAME}/${YEAR}_${MONTH}_${DAY}_${EPOCH}_"`},
	{kafkaWith(`"s3_path_format": "${STREAM_NAME}/${YEAR}/"`), `s3_path_format is "${STREAM_NAME}/${YEAR}/": with the engine kafka a path may have ${NAMESPACE} and ${STREAM_NAME} alone and has to end with a slash, or is "${NAMESPACE}/${STREAM_NAME}/${YEAR}_${MONTH}_${DAY}_${EPOCH}_"`},
	{kafkaWith(`"s3_bucket_path": "${DAY}"`), `s3_bucket_path is "${DAY}": with the engine kafka a path may have ${NAMESPACE} and ${STREAM_NAME} alone`},
	{kafkaWith(`"file_name_pattern": "{part_number}"`), `file_name_pattern is "{part_number}": with the engine kafka only "{part_number}{format_extension}": workers name files after topic, partition and offset`},
}

func TestTemplateErrors(t *testing.T) {
	for _, c := range templateErrors {
		if _, _, err := Parse(with(t, c.fragment)); err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.fragment, err, c.want)
		}
	}
}

// TestTemplate has what is allowed, and an empty text for the default.
func TestTemplate(t *testing.T) {
	f := func(fragment, want string) {
		t.Helper()
		c, _, err := Parse(with(t, fragment))
		if err != nil {
			t.Fatalf("%s: %v", fragment, err)
		}
		tpl, err := c.Template()
		if err != nil {
			t.Fatalf("%s: %v", fragment, err)
		}
		names, err := tpl.Stream("public", "users")
		if err != nil || names.String() != want {
			t.Errorf("%s: got %v and %v, want %s", fragment, names, err, want)
		}
	}
	const byDefault = "path/public/users/${YEAR}_${MONTH}_${DAY}_${EPOCH}_{part_number}{format_extension}"
	f(`"s3_bucket_path": "path"`, byDefault)
	f(`"s3_bucket_path": "path", "s3_path_format": "", "file_name_pattern": ""`, byDefault)
	f(`"s3_bucket_path": "${NAMESPACE}", "s3_path_format": "${STREAM_NAME}/${YEAR}/", "file_name_pattern": "{date:yyyy-MM}_{part_number}"`, "public/users/${YEAR}/${YEAR}-${MONTH}_{part_number}")
	f(`"s3_bucket_path": "a{b}", "s3_path_format": "${STREAM_NAME}/", "file_name_pattern": "data.csv"`, "a{b}/users/data.csv")
	f(kafkaWith(`"s3_bucket_path": "${NAMESPACE}", "s3_path_format": "x/${STREAM_NAME}/"`), "public/x/users/{part_number}{format_extension}")
}
