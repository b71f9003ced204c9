{{/* config.json, which was given as YAML or as text, as JSON. */}}
{{- define "sluice-worker.json" -}}
{{- if kindIs "string" . -}}{{ mustFromJson . | mustToPrettyJson }}{{- else -}}{{ mustToPrettyJson . }}{{- end -}}
{{- end -}}

{{/* Where the password comes in. No config has this by chance. */}}
{{- define "sluice-worker.placeholder" -}}%%sasl-password%%{{- end -}}

{{/* config.json, with the placeholder where the password is in a Secret of its own. */}}
{{- define "sluice-worker.config" -}}
{{- $config := include "sluice-worker.json" .Values.config.json | mustFromJson -}}
{{- if .Values.saslPassword.existingSecret -}}
{{- $_ := set $config.kafka "sasl_password" (include "sluice-worker.placeholder" .) -}}
{{- end -}}
{{- mustToPrettyJson $config -}}
{{- end -}}

{{/* All that values.schema.json can't say. */}}
{{- define "sluice-worker.check" -}}
{{- $v := .Values -}}
{{- if eq (empty $v.config.json) (empty $v.config.existingSecret) -}}
{{- fail "give one of config.json (--set-file config.json=config.json) and config.existingSecret" -}}
{{- end -}}
{{- if eq (empty $v.catalog.json) (empty $v.catalog.existingConfigMap) -}}
{{- fail "give one of catalog.json (--set-file catalog.json=catalog.json) and catalog.existingConfigMap" -}}
{{- end -}}
{{- if $v.catalog.json -}}
{{- if not (get (mustFromJson $v.catalog.json) "streams") -}}
{{- fail "catalog.json has no streams: it is the configured catalog that the front has" -}}
{{- end -}}
{{- end -}}
{{- if and $v.caCertificates.existingSecret $v.caCertificates.existingConfigMap -}}
{{- fail "give one of caCertificates.existingSecret and caCertificates.existingConfigMap, or none" -}}
{{- end -}}
{{- if $v.config.json -}}
{{- $config := include "sluice-worker.json" $v.config.json | mustFromJson -}}
{{- if ne ($config.engine | default "local") "kafka" -}}
{{- fail `config.json has another engine: workers need "engine": "kafka"` -}}
{{- end -}}
{{- if not (kindIs "map" $config.kafka) -}}
{{- fail `config.json has no "kafka": workers need its brokers` -}}
{{- end -}}
{{- if and $v.saslPassword.existingSecret $config.kafka.sasl_password -}}
{{- fail "leave kafka.sasl_password out of config.json, or saslPassword.existingSecret empty" -}}
{{- end -}}
{{- else if $v.saslPassword.existingSecret -}}
{{- fail "saslPassword needs config.json; with config.existingSecret the password belongs into that Secret" -}}
{{- end -}}
{{- if $v.keda.enabled -}}
{{- if $v.drain.enabled -}}
{{- fail "a drain has a number of workers of its own: set keda.enabled or drain.enabled to false" -}}
{{- end -}}
{{- if gt (int $v.keda.maxReplicaCount) (int $v.keda.partitions) -}}
{{- fail (printf "keda.maxReplicaCount %d: workers without a partition have nothing to do, and there are %d (keda.partitions)" (int $v.keda.maxReplicaCount) (int $v.keda.partitions)) -}}
{{- end -}}
{{- if gt (int $v.keda.minReplicaCount) (int $v.keda.maxReplicaCount) -}}
{{- fail "keda.minReplicaCount is above keda.maxReplicaCount" -}}
{{- end -}}
{{- if and (eq (int $v.keda.minReplicaCount) 0) (empty $v.keda.topic) -}}
{{- fail "keda.minReplicaCount 0 needs keda.topic: of a group that has committed nothing KEDA knows no topic, and starts no worker" -}}
{{- end -}}
{{- if and (empty $v.config.json) (or (empty $v.keda.bootstrapServers) (empty $v.keda.consumerGroup)) -}}
{{- fail "KEDA can't read config.existingSecret: give keda.bootstrapServers and keda.consumerGroup" -}}
{{- end -}}
{{- end -}}
{{- end -}}
