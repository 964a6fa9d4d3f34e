package simulator

import (
	"bytes"
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

// spoil answers as the fault says.
func (e *exchange) spoil(fault *Fault) {
	switch fault.Kind {
	case KindDrop:
		e.abort()
	case KindHalf:
		e.sendHalf(fault)
	case KindSlow:
		e.sendSlowly(fault)
	case KindEndless:
		e.sendEndless(fault)
	default:
		e.send(e.made(fault))
	}
}

// made is the answer of a fault that sends a whole one.
func (e *exchange) made(fault *Fault) *answer {
	a := e.blank(fault, http.StatusOK)
	switch fault.Kind {
	case KindStatus:
		e.server.tenant.fail(a, e.r, a.status)
	case KindRateLimit:
		a.status = http.StatusTooManyRequests
		e.call.Throttled = true
		e.server.tenant.fail(a, e.r, a.status)
	case KindHTML:
		a.fill("text/html; charset=utf-8", []byte(webPage))
	case KindRedirect:
		if fault.Status == 0 {
			a.status = http.StatusFound
		}
		a.header.Set("Location", fault.Location)
	case KindDeepJSON:
		depth := fault.Depth
		if depth <= 0 {
			depth = defaultDepth
		}
		a.fill(e.contentType(), []byte(strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth)))
	case KindGzipBomb:
		a.fill(e.contentType(), gzipBomb(fault.Bytes))
		a.header.Set("Content-Encoding", "gzip")
	}
	e.dress(a, fault)
	return a
}

// blank is an empty answer with the fault's status or else the given one.
func (e *exchange) blank(fault *Fault, status int) *answer {
	a := newAnswer()
	e.server.tenant.decorate(a.header)
	a.status = status
	if fault.Status != 0 {
		a.status = fault.Status
	}
	return a
}

// dress gives an answer the fault's body and headers, which win over its own.
func (e *exchange) dress(a *answer, fault *Fault) {
	if fault.Body != nil {
		a.body.Reset()
		a.body.WriteString(*fault.Body)
	}
	if fault.RetryAfter > 0 {
		a.header.Set("Retry-After", e.retryAfter(fault))
	}
	for name, value := range fault.Headers {
		a.header.Set(name, value)
	}
}

func (e *exchange) retryAfter(fault *Fault) string {
	seconds := int64(math.Ceil(fault.RetryAfter.D().Seconds()))
	if !fault.RetryAfterDate {
		return strconv.FormatInt(seconds, 10)
	}
	return e.server.Clock.Now().Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
}

// contentType is the one that the provider's JSON answers carry.
func (e *exchange) contentType() string {
	a := newAnswer()
	e.server.tenant.fail(a, e.r, http.StatusInternalServerError)
	return a.header.Get("Content-Type")
}

func (a *answer) fill(contentType string, body []byte) {
	a.header.Set("Content-Type", contentType)
	a.body.Write(body)
}

// sendHalf sends the beginning of the true answer and breaks off.
func (e *exchange) sendHalf(fault *Fault) {
	a := e.serve()
	e.dress(a, fault)
	if fault.Status != 0 {
		a.status = fault.Status
	}
	part := a.body.Len() / 2
	if fault.Bytes > 0 {
		part = int(min(fault.Bytes, int64(a.body.Len())))
	}
	e.call.Cut = true
	e.begin(a, !fault.Chunked)
	_, _ = e.w.Write(a.body.Bytes()[:part])
	e.flush()
	panic(http.ErrAbortHandler)
}

// sendSlowly sends the true answer byte by byte.
func (e *exchange) sendSlowly(fault *Fault) {
	a := e.serve()
	e.dress(a, fault)
	e.begin(a, true)
	e.flush() // the header comes before the first delay
	for _, b := range a.body.Bytes() {
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
func (e *exchange) sendEndless(fault *Fault) {
	a := e.blank(fault, http.StatusOK)
	a.header.Set("Content-Type", e.contentType())
	e.dress(a, fault)
	limit := fault.Bytes
	if limit <= 0 {
		limit = defaultEndless
	}
	e.call.Cut = true
	e.begin(a, false)
	_, _ = e.w.Write([]byte(`{"a":"`))
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
	if size <= 0 {
		size = defaultUnpacked
	}
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
