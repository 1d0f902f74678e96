package proxy

import "gibbon/data/http1"

// A Reason is the machine-readable cause of an answer that the gateway made
// itself. It stands in the access log, in the metrics and, when asked for, in
// a response header.
type Reason string

// The reasons of gateway-made answers.
const (
	ReasonNoRoute           Reason = "no_route"
	ReasonNoService         Reason = "no_service"
	ReasonNoPeer            Reason = "no_peer"
	ReasonNoPeerOnRetry     Reason = "no_peer_on_retry"
	ReasonOverLimit         Reason = "all_targets_over_limit"
	ReasonQueueFull         Reason = "queue_full"
	ReasonQueueTimeout      Reason = "queue_timeout"
	ReasonRetryBudgetSpent  Reason = "retry_budget_spent"
	ReasonDeadline          Reason = "deadline_exceeded"
	ReasonNameNotFound      Reason = "dns_nxdomain"
	ReasonNameResolution    Reason = "dns_failed"
	ReasonHTTPSRequired     Reason = "https_required"
	ReasonHTTP2Required     Reason = "http2_required"
	ReasonNotGRPC           Reason = "not_grpc"
	ReasonProtocolNotServed Reason = "service_protocol_not_served"
	ReasonBadPath           Reason = "bad_path"
	ReasonBodyTooLarge      Reason = "request_body_too_large"
	ReasonBodySpool         Reason = "request_body_spool"
	ReasonConnectRefused    Reason = "upstream_connect_refused"
	ReasonConnectTimeout    Reason = "upstream_connect_timeout"
	ReasonTLS               Reason = "upstream_tls"
	ReasonSendTimeout       Reason = "upstream_send_timeout"
	ReasonReadTimeout       Reason = "upstream_read_timeout"
	ReasonClosedEarly       Reason = "upstream_closed_early"
	ReasonDrained           Reason = "upstream_drained"
	ReasonMalformedAnswer   Reason = "upstream_malformed_answer"
	ReasonAnswerHeadTooBig  Reason = "upstream_head_too_large"
	ReasonAnswerTooLarge    Reason = "upstream_answer_too_large"
	ReasonTruncatedAnswer   Reason = "upstream_truncated_answer"
	ReasonClientGone        Reason = "client_gone"
	ReasonPluginPanic       Reason = "plugin_panic"
	ReasonPluginOff         Reason = "plugin_not_running"
	ReasonInternal          Reason = "internal"
)

// malformed begins the reasons of requests that are not valid HTTP; the word of package http1 follows.
const malformed = "malformed_"

// Reasons lists all of them.
func Reasons() []Reason {
	reasons := []Reason{
		ReasonNoRoute, ReasonNoService, ReasonNoPeer, ReasonNoPeerOnRetry, ReasonOverLimit, ReasonQueueFull, ReasonQueueTimeout, ReasonRetryBudgetSpent, ReasonDeadline,
		ReasonNameNotFound, ReasonNameResolution,
		ReasonHTTPSRequired, ReasonHTTP2Required, ReasonNotGRPC, ReasonProtocolNotServed, ReasonBadPath,
		ReasonBodyTooLarge, ReasonBodySpool, ReasonConnectRefused, ReasonConnectTimeout, ReasonTLS,
		ReasonSendTimeout, ReasonReadTimeout, ReasonClosedEarly, ReasonDrained, ReasonMalformedAnswer,
		ReasonAnswerHeadTooBig, ReasonAnswerTooLarge, ReasonTruncatedAnswer, ReasonClientGone, ReasonPluginPanic, ReasonPluginOff, ReasonInternal,
	}
	for _, word := range http1.Refusals() {
		reasons = append(reasons, malformed+Reason(word))
	}
	return reasons
}
