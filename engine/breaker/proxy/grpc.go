package proxy

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// isGRPC reports whether a message is of gRPC over HTTP/2. gRPC-Web is not:
// to a proxy it is like any other call.
func isGRPC(h http.Header) bool {
	kind := h["Content-Type"]
	if len(kind) == 0 {
		return false
	}
	rest, ok := strings.CutPrefix(kind[0], "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// The codes that the proxy itself speaks of.
const (
	grpcOK          = 0
	grpcCancelled   = 1
	grpcUnknown     = 2
	grpcUnavailable = 14
)

// grpcCode reads the status of a call from a header or trailer; what is none
// is UNKNOWN, and where there is none it is OK.
func grpcCode(h http.Header) int {
	text := h.Get("Grpc-Status")
	if text == "" {
		return grpcOK
	}
	if code, err := strconv.Atoi(text); err == nil && code >= 0 && code <= 16 {
		return code
	}
	return grpcUnknown
}

// grpcMessage escapes a status message as the gRPC protocol over HTTP/2 has
// it: percent-encoding of what is not printable ASCII.
func grpcMessage(s string) string {
	return strings.ReplaceAll(url.PathEscape(s), "%20", " ")
}
