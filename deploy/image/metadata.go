package main

import (
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// metadata is what the image needs of deploy/metadata.yaml.
type metadata struct {
	Data struct {
		Name             string `yaml:"name"`
		DockerRepository string `yaml:"dockerRepository"`
		DockerImageTag   string `yaml:"dockerImageTag"`
		DocumentationURL string `yaml:"documentationUrl"`
		License          string `yaml:"license"`
	} `yaml:"data"`
}

func readMetadata(file string) (*metadata, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var m metadata
	if err := yaml.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if d := m.Data; d.Name == "" || d.DockerRepository == "" || d.DockerImageTag == "" || d.License == "" {
		return nil, fmt.Errorf("%s lacks name, dockerRepository, dockerImageTag or license", file)
	}
	return &m, nil
}
