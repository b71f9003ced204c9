["_airbyte_emitted_at", "_airbyte_data"], (inputs.record | [.emitted_at, (.data | tojson)])
| @csv
