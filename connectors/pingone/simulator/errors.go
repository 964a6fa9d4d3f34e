package simulator

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

const contentType = "application/hal+json;charset=UTF-8"

// problem is an error as PingOne tells it.
type problem struct {
	status  int
	code    string
	message string
	detail  string // the detail's code, "" for no detail
	target  string
}

var (
	invalidToken = problem{
		http.StatusUnauthorized, "ACCESS_FAILED", "The request could not be completed. You do not have access to this resource.",
		"INVALID_TOKEN", "",
	}
	insufficientPermissions = problem{
		http.StatusForbidden, "ACCESS_FAILED", "The request could not be completed. You do not have access to this resource.",
		"INSUFFICIENT_PERMISSIONS", "",
	}
	notFound = problem{
		http.StatusNotFound, "NOT_FOUND", "The request could not be completed. The requested resource was not found.", "", "",
	}
	unsupportedType = problem{
		http.StatusUnsupportedMediaType, "INVALID_REQUEST", "The request could not be completed. The Content-Type is not supported.", "", "",
	}
	wrongMethod = problem{
		http.StatusMethodNotAllowed, "INVALID_REQUEST", "The request could not be completed. The method is not supported.", "", "",
	}
)

func invalidData(target, message string) problem {
	return problem{http.StatusBadRequest, "INVALID_DATA", message, "INVALID_VALUE", target}
}

func invalidRequest(message string) problem {
	return problem{http.StatusBadRequest, "INVALID_REQUEST", message, "", ""}
}

// codes are the codes of errors that faults order by their status alone.
var codes = map[int]string{
	http.StatusBadRequest: "INVALID_DATA", http.StatusUnauthorized: "ACCESS_FAILED", http.StatusForbidden: "ACCESS_FAILED",
	http.StatusNotFound: "NOT_FOUND", http.StatusUnsupportedMediaType: "INVALID_REQUEST",
	http.StatusTooManyRequests: "REQUEST_LIMITED", http.StatusInternalServerError: "UNEXPECTED_ERROR",
}

func ofStatus(status int) problem {
	switch status {
	case http.StatusUnauthorized:
		return invalidToken
	case http.StatusForbidden:
		return insufficientPermissions
	}
	code := codes[status]
	if code == "" && status < http.StatusInternalServerError {
		code = "REQUEST_FAILED"
	} else if code == "" {
		code = "UNEXPECTED_ERROR"
	}
	return problem{status: status, code: code, message: http.StatusText(status)}
}

func (p problem) body() json.RawMessage {
	body := map[string]any{"id": uuid.NewString(), "code": p.code, "message": p.message}
	if p.detail != "" {
		detail := map[string]any{"code": p.detail, "message": p.message, "innerError": map[string]any{}}
		if p.target != "" {
			detail["target"] = p.target
		}
		body["details"] = []any{detail}
	}
	return kit.JSON(body)
}

func (p problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body())
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(kit.JSON(value))
}
