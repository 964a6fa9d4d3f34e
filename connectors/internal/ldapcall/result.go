package ldapcall

import (
	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
)

// Result is what a result code means, and what to do about it.
type Result struct {
	Kind   connectors.Kind
	Advice string
}

// results give each result code its meaning. RFC 4511, appendix A, and the
// registry are the source: https://www.iana.org/assignments/ldap-parameters
var results = map[uint16]Result{
	ldap.LDAPResultOperationsError:              {connectors.Unavailable, "the server failed; try again"},
	ldap.LDAPResultProtocolError:                {connectors.RejectedByProvider, "the server does not know the request; check URLS"},
	ldap.LDAPResultTimeLimitExceeded:            {connectors.Unavailable, "the server's time limit ended the search; index the attributes that are searched for, or raise the limit for the bind account"},
	ldap.LDAPResultSizeLimitExceeded:            {connectors.RejectedByProvider, "the server's size limit ends the list; raise it for the bind account"},
	ldap.LDAPResultAuthMethodNotSupported:       {connectors.Unauthenticated, "the server does not let in this way; check BIND_DN and CLIENT_CERT_FILE"},
	ldap.LDAPResultStrongAuthRequired:           {connectors.Unauthenticated, "the server demands TLS, or another way to bind; use ldaps:// or leave PLAINTEXT out"},
	ldap.LDAPResultReferral:                     {connectors.Unsupported, "the server is a replica that takes no changes; name the server that does in URLS"},
	ldap.LDAPResultAdminLimitExceeded:           {connectors.RejectedByProvider, "a limit of the server ends the search; index the attributes that are searched for, or raise the limit for the bind account"},
	ldap.LDAPResultUnavailableCriticalExtension: {connectors.Unsupported, "the server lacks an extension that is needed; check its version"},
	ldap.LDAPResultConfidentialityRequired:      {connectors.Unauthenticated, "the server demands TLS; use ldaps:// or leave PLAINTEXT out"},
	ldap.LDAPResultSaslBindInProgress:           {connectors.MalformedResponse, "the server asks for more than a bind; check CLIENT_CERT_FILE"},
	ldap.LDAPResultNoSuchAttribute:              {connectors.Conflict, "the account is being changed by somebody else; try again"},
	ldap.LDAPResultUndefinedAttributeType:       {connectors.RejectedByProvider, "the server does not know an attribute of its password policy; check that the policy is switched on there"},
	ldap.LDAPResultAttributeOrValueExists:       {connectors.Conflict, "the account is being changed by somebody else; try again"},
	ldap.LDAPResultNoSuchObject:                 {connectors.NotFound, "no such account, or none that the bind account may see"},
	ldap.LDAPResultInappropriateAuthentication:  {connectors.Unauthenticated, "the bind account has no password there; check BIND_DN"},
	ldap.LDAPResultInvalidCredentials:           {connectors.Unauthenticated, "the bind account was not let in; check BIND_DN and its password, and whether it is locked"},
	ldap.LDAPResultInsufficientAccessRights:     {connectors.PermissionDenied, "the bind account lacks a right; grant it"},
	ldap.LDAPResultBusy:                         {connectors.Unavailable, "the server is busy; try again"},
	ldap.LDAPResultUnavailable:                  {connectors.Unavailable, "the server is shutting down or starting; try again"},
	ldap.LDAPResultEntryAlreadyExists:           {connectors.Conflict, "the account is being changed by somebody else; try again"},
	ldap.LDAPResultAffectsMultipleDSAs:          {connectors.Unsupported, "the entry is on another server; name that in URLS"},
	ldap.LDAPResultOther:                        {connectors.Unavailable, "the server failed; try again"},
	ldap.LDAPResultCanceled:                     {connectors.Unavailable, "the server ended the request; try again"},
	ldap.LDAPResultAssertionFailed:              {connectors.Conflict, "the entry became another's meanwhile; try again"},
	ldap.LDAPResultAuthorizationDenied:          {connectors.PermissionDenied, "the bind account may not act as it wants to; grant it"},
}

// ResultOf returns the meaning of a result code; every code has one.
func ResultOf(code uint16) Result {
	if result, listed := results[code]; listed {
		return result
	}
	return Result{connectors.RejectedByProvider, "the server will not do this; its result code says why"}
}

// uncertain reports whether a change that was answered with the code may have been made.
func uncertain(code uint16) bool {
	switch code {
	case ldap.LDAPResultOperationsError, ldap.LDAPResultTimeLimitExceeded, ldap.LDAPResultOther, ldap.LDAPResultCanceled, ldap.LDAPResultTooLate, ldap.LDAPResultCannotCancel:
		return true
	default:
		return false
	}
}

// isResult reports whether the code is a server's answer; package ldap makes up the others.
func isResult(code uint16) bool { return code < ldap.ErrorNetwork || code > ldap.ErrorMalformedPacket }
