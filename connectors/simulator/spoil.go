package simulator

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of the faults that send much.
const (
	defaultEndless  = 64 << 20
	defaultUnpacked = 256 << 20
	defaultDepth    = 100_000
	bombMember      = 1 << 20
)

const webPage = "<!DOCTYPE html>\n<html><head><title>Be right back</title></head>" +
	"<body><h1>We are down for maintenance</h1></body></html>\n"

// spoil answers as the fault says; the truth is what would have been answered, where it is known.
func (e *exchange) spoil(fault *Fault, truth *answer) {
	switch fault.Kind {
	case KindDrop:
		e.abort()
	case KindHalf:
		e.dress(truth, fault)
		e.sendHalf(fault, truth)
	case KindSlow:
		e.dress(truth, fault)
		e.sendSlowly(fault, truth)
	default:
		a := e.server.answered(e.r.Request, e.made(fault))
		e.dress(a, fault)
		if fault.Kind == KindEndless {
			e.sendEndless(fault, a)
		}
		e.send(a)
	}
}

// made is the answer of a fault that sends one of its own.
func (e *exchange) made(fault *Fault) Reply {
	switch fault.Kind {
	case KindStatus:
		return e.server.vendor.Error(fault.Status, "")
	case KindRateLimit:
		e.call.Throttled = true
		return e.server.vendor.Error(http.StatusTooManyRequests, "")
	case KindHTML:
		return Reply{Type: "text/html; charset=utf-8", Body: []byte(webPage)}
	case KindRedirect:
		return Reply{Status: http.StatusFound, Header: map[string]string{"Location": fault.Location}}
	case KindDeepJSON:
		depth := cmp.Or(fault.Depth, defaultDepth)
		return Reply{Body: []byte(strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth))}
	case KindGzipBomb:
		return Reply{Header: map[string]string{"Content-Encoding": "gzip"}, Body: gzipBomb(cmp.Or(fault.Bytes, defaultUnpacked))}
	case KindEndless:
		return Reply{Body: []byte(`{"a":"`)}
	default:
		return Reply{}
	}
}

// dress gives an answer the fault's status, body and headers, which win over its own.
func (e *exchange) dress(a *answer, fault *Fault) {
	a.status = cmp.Or(fault.Status, a.status)
	if fault.Body != nil {
		a.body = []byte(*fault.Body)
	}
	if fault.RetryAfter > 0 {
		a.header.Set("Retry-After", e.retryAfter(fault))
	}
	a.set(fault.Headers)
}

func (e *exchange) retryAfter(fault *Fault) string {
	seconds := int64(math.Ceil(fault.RetryAfter.D().Seconds()))
	if !fault.RetryAfterDate {
		return strconv.FormatInt(seconds, 10)
	}
	return e.server.Clock.Now().Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
}

// sendHalf sends the beginning of an answer and breaks off.
func (e *exchange) sendHalf(fault *Fault, a *answer) {
	part := int(min(cmp.Or(fault.Bytes, int64(len(a.body)/2)), int64(len(a.body))))
	e.call.Cut = true
	e.begin(a, !fault.Chunked)
	_, _ = e.w.Write(a.body[:part])
	e.flush()
	panic(http.ErrAbortHandler)
}

// sendSlowly sends an answer byte by byte.
func (e *exchange) sendSlowly(fault *Fault, a *answer) {
	e.begin(a, true)
	e.flush() // the header comes before the first delay
	for _, b := range a.body {
		if !e.wait(fault.Delay) {
			panic(http.ErrAbortHandler)
		}
		if _, err := e.w.Write([]byte{b}); err != nil {
			panic(http.ErrAbortHandler)
		}
		e.flush()
	}
}

// sendEndless sends a JSON string that does not end, until its bound.
func (e *exchange) sendEndless(fault *Fault, a *answer) {
	limit := cmp.Or(fault.Bytes, defaultEndless)
	e.call.Cut = true
	e.begin(a, false)
	_, _ = e.w.Write(a.body)
	chunk := bytes.Repeat([]byte("a"), 32<<10)
	for sent := int64(0); sent < limit && e.r.Context().Err() == nil; sent += int64(len(chunk)) {
		if _, err := e.w.Write(chunk); err != nil {
			break
		}
	}
	panic(http.ErrAbortHandler)
}

func (e *exchange) flush() {
	// A writer that cannot flush sends all the same, only later.
	_ = http.NewResponseController(e.w).Flush()
}

// gzipBomb is JSON that unpacks to about size bytes. Gzip allows members one
// after the other, so one member is packed and repeated.
func gzipBomb(size int64) []byte {
	member := packedMember()
	out := gzipped([]byte(`{"a":"`))
	for unpacked := int64(0); unpacked < size; unpacked += bombMember {
		out = append(out, member...)
	}
	return append(out, gzipped([]byte(`"}`))...)
}

// packedMember is the member that all bombs are made of.
var packedMember = sync.OnceValue(func() []byte { return gzipped(bytes.Repeat([]byte("a"), bombMember)) })

func gzipped(data []byte) []byte {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	// Writing to memory does not fail.
	_, _ = writer.Write(data)
	_ = writer.Close()
	return out.Bytes()
}
