package kafka

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
)

// maxTopic is the longest name that a topic may have, in bytes (Kafka's Topic.MAX_NAME_LENGTH).
const maxTopic = 249

var (
	notInTopic = regexp.MustCompile(`[^A-Za-z0-9._-]`)
	dots       = regexp.MustCompile(`\.{2,}`)

	notAlphanumeric = regexp.MustCompile(`[^A-Za-z0-9_]`)
)

// TopicOf names the topic of a stream.
func TopicOf(cfg *config.Kafka, id airbyte.StreamID) (string, error) {
	name := strings.NewReplacer("{namespace}", id.Namespace, "{stream}", id.Name).Replace(cfg.TopicPattern)
	if cfg.Input == config.InputEnvelope {
		name = alphanumeric(name)
	} else {
		name = notInTopic.ReplaceAllString(name, "_")
		name = strings.Trim(dots.ReplaceAllString(name, "."), ".")
	}
	switch {
	case name == "":
		return "", fmt.Errorf("kafka.topic_pattern %q leaves nothing of its name for a topic", cfg.TopicPattern)
	case len(name) > maxTopic:
		return "", fmt.Errorf("its topic %.40s... would have a name of %d bytes, and Kafka's limit is %d: choose a shorter kafka.topic_pattern", name, len(name), maxTopic)
	}
	return name, nil
}

// alphanumeric is what Airbyte's StandardNameTransformer makes of the name of a topic: accents go,
// and all but letters, digits and "_" becomes "_".
func alphanumeric(name string) string {
	var plain strings.Builder
	for _, r := range norm.NFKD.String(name) {
		if !unicode.Is(unicode.M, r) {
			plain.WriteRune(r)
		}
	}
	return notAlphanumeric.ReplaceAllString(plain.String(), "_")
}

// topics are the streams of each topic, by their numbers in the catalog.
type topics map[string][]int

// topicsOf finds the topic of each stream. The envelope does not tell a stream's namespace: where
// two streams of one name share a topic, nobody could tell their records apart.
func topicsOf(cfg *config.Kafka, catalog *airbyte.Catalog) (topics, error) {
	all := topics{}
	for i := range catalog.Streams {
		id := catalog.Streams[i].ID
		topic, err := TopicOf(cfg, id)
		if err != nil {
			return nil, fmt.Errorf("stream %s: %w", id, err)
		}
		for _, other := range all[topic] {
			if was := catalog.Streams[other].ID; cfg.Input == config.InputEnvelope && was.Name == id.Name {
				return nil, fmt.Errorf("the streams %q and %q share the topic %s, and the envelope does not tell namespaces: put {namespace} into kafka.topic_pattern", was, id, topic)
			}
		}
		all[topic] = append(all[topic], i)
	}
	return all, nil
}

// names are the topics, in order.
func (t topics) names() []string {
	var all []string
	for name := range t {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
