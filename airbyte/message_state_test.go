package airbyte

import "testing"

func stream(descriptor string) string {
	return `{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{` + descriptor + `}}}}`
}

func status(members string) string {
	return `{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1.0,"stream_status":{"stream_descriptor":{"name":"s"},` + members + `}}}`
}

func TestDecodeState(t *testing.T) {
	f := expect(t)
	f(`{"type":"STATE","state":{"data":{"a":1}}}`, `legacy {"data":{"a":1}}`)
	f(`{"type":"STATE","state":{}}`, `legacy {}`)
	f(`{"type":"STATE","state":{"type":"LEGACY","data":{}}}`, `legacy {"type":"LEGACY","data":{}}`)
	f(`{"type":"STATE","state":{"type":null,"data":{}}}`, `legacy {"type":null,"data":{}}`)
	f(`{"type":"STATE","state":{"type":"NEW_IN_2030"}}`, `legacy {"type":"NEW_IN_2030"}`) // stands for the whole sync: the careful reading
	f(`{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[]}}}`, `global {"type":"GLOBAL","global":{"shared_state":{},"stream_states":[]}}`)
	f(`{"state": { "type" : "GL\u004fBAL" } , "type": "STATE"}`, `global { "type" : "GL\u004fBAL" }`)
	f(stream(`"name":"s"`), `""."s" {"type":"STREAM","stream":{"stream_descriptor":{"name":"s"}}}`)
	f(stream(`"name":"s","namespace":"n"`), `"n"."s" {"type":"STREAM","stream":{"stream_descriptor":{"name":"s","namespace":"n"}}}`)
	f(stream(`"namespace":null,"n\u0061me":"\u0073"`), `""."s" {"type":"STREAM","stream":{"stream_descriptor":{"namespace":null,"n\u0061me":"\u0073"}}}`)
	f(`{"type":"STATE","state":{"stream":{"x":[{"stream_descriptor":1}],"stream_descriptor":{"name":"s"}},"type":"STREAM"}}`, `""."s" {"stream":{"x":[{"stream_descriptor":1}],"stream_descriptor":{"name":"s"}},"type":"STREAM"}`)

	const none = `STATE without a "state" object`
	f(`{"type":"STATE"}`, none)
	f(`{"type":"STATE","state":null}`, none)
	f(`{"type":"STATE","state":[{}]}`, none)
	f(`{"type":"STATE","record":{"stream":"s","data":{}}}`, none)

	const lost = `STATE of type STREAM: no "stream_descriptor"`
	f(`{"type":"STATE","state":{"type":"STREAM"}}`, lost)
	f(`{"type":"STATE","state":{"type":"STREAM","stream":null}}`, lost)
	f(`{"type":"STATE","state":{"type":"STREAM","stream":{}}}`, lost)
	f(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":null}}}`, lost)
	f(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":"s"}}}`, lost)
	f(`{"type":"STATE","state":{"type":"STREAM","stream_descriptor":{"name":"s"}}}`, lost)
	f(stream(``), `STATE of type STREAM: it names no stream`)
	f(stream(`"namespace":"n"`), `STATE of type STREAM: it names no stream`)
	f(stream(`"name":null`), `STATE of type STREAM: it names no stream`)
	f(stream(`"name":"s","namespace":1`), `STATE of type STREAM: "namespace" is no string`)
}

func TestDecodeStatus(t *testing.T) {
	f := expect(t)
	f(status(`"status":"COMPLETE"`), `""."s" complete`)
	f(status(`"status":"INCOMPLETE"`), `""."s" incomplete`)
	f(status(`"status":"STARTED"`), `""."s" other`)
	f(status(`"status":"RUNNING","reasons":[{"type":"RATE_LIMITED","status":"COMPLETE"}]`), `""."s" other`)
	f(status(`"status":"NEW_IN_2030"`), `""."s" other`)
	f(status(`"status":"complete"`), `""."s" other`)
	f(status(`"status":null`), `""."s" other`)
	f(status(`"x":"COMPLETE"`), `""."s" other`)
	f(status(`"st\u0061tus":"COMPL\u0045TE"`), `""."s" complete`)
	f(`{"trace":{"stream_status":{"status":"COMPLETE","stream_descriptor":{"namespace":"n","name":"s"}},"type":"STREAM_STATUS"},"type":"TRACE"}`, `"n"."s" complete`)

	f(`{"type":"TRACE","trace":{"type":"STREAM_STATUS"}}`, `STREAM_STATUS without a "stream_status" object`)
	f(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":null}}`, `STREAM_STATUS without a "stream_status" object`)
	f(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"status":"COMPLETE"}}}`, `STREAM_STATUS: no "stream_descriptor"`)
	f(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"status":"COMPLETE","stream_descriptor":{}}}}`, `STREAM_STATUS: it names no stream`)
}

func TestDecodeOtherTraces(t *testing.T) {
	f := expect(t)
	f(`{"type":"TRACE","trace":{"type":"ANALYTICS","analytics":{"type":"x","value":"y"}}}`, `skip`)
	f(`{"type":"TRACE","trace":{"type":"ERROR","error":{"message":"x"},"stream_status":{"status":"COMPLETE"}}}`, `failure`)
	f(`{"trace":{"error":{},"\u0074ype":"\u0045RROR"},"type":"TRACE"}`, `failure`)
	f(`{"type":"TRACE","trace":{"type":"NEW_IN_2030"}}`, `skip`)
	f(`{"type":"TRACE","trace":{"type":5}}`, `skip`)
	f(`{"type":"TRACE","trace":{}}`, `skip`)
	f(`{"type":"TRACE"}`, `TRACE without a "trace" object`)
	f(`{"type":"TRACE","trace":null}`, `TRACE without a "trace" object`)
}

func estimate(members string) string {
	return `{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1,"estimate":{` + members + `}}}`
}

// TestDecodeEstimate: nothing that is wrong with an estimate is worth an error.
func TestDecodeEstimate(t *testing.T) {
	f := expect(t)
	f(estimate(`"name":"s","type":"STREAM","row_estimate":5`), `""."s" 5`)
	f(estimate(`"n\u0061me":"s","namespace":"n","type":"STREAM","byte_estimate":7,"row_estimate":1e3`), `"n"."s" 1000`)
	f(estimate(`"name":"s","type":"SYNC","row_estimate":5`), `skip`)
	f(estimate(`"name":"s","row_estimate":5`), `skip`)
	f(estimate(`"name":"s","type":"STREAM","byte_estimate":7`), `skip`)
	f(estimate(`"name":"s","type":"STREAM","row_estimate":0`), `skip`)
	f(estimate(`"name":"s","type":"STREAM","row_estimate":-5`), `skip`)
	f(estimate(`"name":"s","type":"STREAM","row_estimate":"5"`), `skip`)
	f(estimate(`"name":"s","type":"STREAM","row_estimate":null`), `skip`)
	f(estimate(`"name":"s","namespace":5,"type":"STREAM","row_estimate":5`), `skip`)
	f(estimate(`"type":"STREAM","row_estimate":5`), `skip`)
	f(`{"type":"TRACE","trace":{"type":"ESTIMATE","estimate":[]}}`, `skip`)
	f(`{"type":"TRACE","trace":{"type":"ESTIMATE"}}`, `skip`)
}
