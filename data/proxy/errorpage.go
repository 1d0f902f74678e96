package proxy

import (
	"bytes"
	"strconv"
)

// A format is the media type of an error body.
type format uint8

const (
	asJSON format = iota
	asHTML
	asXML
	asPlain
	asGRPC
)

// contentTypes are the Content-Type fields of the formats.
var contentTypes = [...]string{
	asJSON:  "application/json; charset=utf-8",
	asHTML:  "text/html; charset=utf-8",
	asXML:   "application/xml; charset=utf-8",
	asPlain: "text/plain; charset=utf-8",
	asGRPC:  "",
}

// formatOf maps a media type to the format that stands for it. Media types are
// compared as the reference does, with regard to case.
func formatOf(mediaType []byte) (format, bool) {
	switch string(mediaType) {
	case "application/json", "application/*", "*/*":
		return asJSON, true
	case "text/html":
		return asHTML, true
	case "application/xml":
		return asXML, true
	case "text/plain", "text/*":
		return asPlain, true
	case "application/grpc":
		return asGRPC, true
	}
	return asJSON, false
}

// acceptedFormat is the format that an Accept field asks for: the known one of
// the highest quality, the first one among equals, JSON when there is none.
func acceptedFormat(accept []byte) format {
	best, bestQuality := asJSON, 0.0
	for len(accept) > 0 {
		var item []byte
		item, accept, _ = bytes.Cut(accept, []byte{','})
		mediaType, params, _ := bytes.Cut(item, []byte{';'})
		f, known := formatOf(bytes.TrimSpace(mediaType))
		if !known {
			continue
		}
		if q := quality(params); q > bestQuality {
			best, bestQuality = f, q
		}
	}
	return best
}

// quality is the q parameter among params, 1 when there is none that parses
// (RFC 9110, section 12.4.2).
func quality(params []byte) float64 {
	for len(params) > 0 {
		var param []byte
		param, params, _ = bytes.Cut(params, []byte{';'})
		param = bytes.TrimSpace(param)
		if len(param) < 3 || param[0] != 'q' && param[0] != 'Q' || param[1] != '=' {
			continue
		}
		if q, err := strconv.ParseFloat(string(param[2:]), 64); err == nil && q >= 0 && q <= 1 {
			return q
		}
	}
	return 1
}

// appendErrorBody appends the body of an error in format f. The texts contain
// nothing from the request, so they need no escaping.
func appendErrorBody(dst []byte, f format, message, requestID string) []byte {
	switch f {
	case asJSON: // below
	case asHTML:
		dst = append(dst, "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Error</title>\n  </head>\n  <body>\n    <h1>Error</h1>\n    <p>"...)
		dst = append(dst, message...)
		dst = append(dst, ".</p>\n    <p>request_id: "...)
		dst = append(dst, requestID...)
		return append(dst, "</p>\n  </body>\n</html>\n"...)
	case asXML:
		dst = append(dst, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>"...)
		dst = append(dst, message...)
		dst = append(dst, "</message>\n  <requestid>"...)
		dst = append(dst, requestID...)
		return append(dst, "</requestid>\n</error>\n"...)
	case asPlain:
		dst = append(dst, message...)
		dst = append(dst, "\nrequest_id: "...)
		dst = append(dst, requestID...)
		return append(dst, '\n')
	case asGRPC:
		return dst
	}
	dst = append(dst, "{\n  \"message\":"...)
	dst = strconv.AppendQuote(dst, message)
	dst = append(dst, ",\n  \"request_id\":\""...)
	dst = append(dst, requestID...)
	return append(dst, "\"\n}"...)
}

// appendHTMLPage appends the small page that stands for statuses which have no
// template: redirects, 501, 505 and plain HTTP on a TLS port.
func appendHTMLPage(dst []byte, code, phrase, explanation string) []byte {
	title := phrase
	if explanation != "" {
		title = explanation
		explanation = "<center>" + explanation + "</center>\r\n"
	}
	dst = append(dst, "<html>\r\n<head><title>"+code+title+"</title></head>\r\n<body>\r\n"...)
	dst = append(dst, "<center><h1>"+code+phrase+"</h1></center>\r\n"+explanation...)
	return append(dst, "</body>\r\n</html>\r\n"...)
}

// reasonPhrase is the reason phrase that clients of the reference see for a
// status of the gateway's own.
func reasonPhrase(status int) string {
	switch status {
	case 301:
		return "Moved Permanently"
	case 302:
		return "Moved Temporarily"
	case 307:
		return "Temporary Redirect"
	case 308:
		return "Permanent Redirect"
	case 400:
		return "Bad Request"
	case 404:
		return "Not Found"
	case 405:
		return "Not Allowed"
	case 408:
		return "Request Time-out"
	case 411:
		return "Length Required"
	case 412:
		return "Precondition Failed"
	case 413:
		return "Request Entity Too Large"
	case 414:
		return "Request-URI Too Large"
	case 415:
		return "Unsupported Media Type"
	case 417:
		return "Expectation Failed"
	case 500:
		return "Internal Server Error"
	case 501:
		return "Not Implemented"
	case 502:
		return "Bad Gateway"
	case 503:
		return "Service Temporarily Unavailable"
	case 504:
		return "Gateway Time-out"
	case 505:
		return "HTTP Version Not Supported"
	}
	return ""
}

// statusMessage is the text of a status that is raised below the gateway's own
// logic: by the protocol layer or on behalf of an upstream.
func statusMessage(status int) string {
	switch status {
	case 400:
		return "Bad request"
	case 404:
		return "Not found"
	case 405:
		return "Method not allowed"
	case 408:
		return "Request timeout"
	case 411:
		return "Length required"
	case 412:
		return "Precondition failed"
	case 413:
		return "Payload too large"
	case 414:
		return "URI too long"
	case 417:
		return "Expectation failed"
	case 494:
		return "Request header or cookie too large"
	case 500:
		return "An unexpected error occurred"
	case 502:
		return "An invalid response was received from the upstream server"
	case 503:
		return "The upstream server is currently unavailable"
	case 504:
		return "The upstream server is timing out"
	}
	return "The upstream server responded with " + strconv.Itoa(status)
}
