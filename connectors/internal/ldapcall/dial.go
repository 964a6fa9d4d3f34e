package ldapcall

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
)

const dialTimeout = 5 * time.Second

// errNoTLS says that a server answered StartTLS with something else than success.
var errNoTLS = errors.New("the server does not start TLS")

// open makes a connection and binds.
func (c *Client) open(ctx context.Context, operation string) (*session, *connectors.Error) {
	raw, encrypted, err := c.dial(ctx)
	switch {
	case errors.Is(err, errNoTLS):
		return nil, c.Fail(operation, connectors.RejectedByProvider, c.Name+": the server does not start TLS; use ldaps://")
	case errors.Is(err, errClientCertificate):
		return nil, c.Fail(operation, connectors.Unauthenticated, err.Error())
	case err != nil:
		return nil, c.unreachable(operation, err)
	}
	conn := ldap.NewConn(raw, encrypted)
	conn.Start()
	opened := &session{conn: conn, raw: raw, opened: time.Now()}
	if failure := c.bind(ctx, operation, opened); failure != nil {
		opened.end()
		return nil, failure
	}
	return opened, nil
}

// errClientCertificate carries the sentence of a certificate that cannot be read.
var errClientCertificate = errors.New("CLIENT_CERT_FILE and CLIENT_KEY_FILE name no usable certificate")

// dial connects, by TLS unless plain LDAP was asked for by name.
func (c *Client) dial(ctx context.Context) (connection net.Conn, encrypted bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*dialTimeout)
	defer cancel()
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	raw, err := dialer.DialContext(ctx, "tcp", c.server.dial())
	if err != nil {
		return nil, false, err
	}
	if !c.server.tls && c.settings.plaintext {
		return raw, false, nil
	}
	config, err := c.settings.tlsConfig(c.server)
	if err != nil {
		_ = raw.Close()
		return nil, false, errors.Join(errClientCertificate, err)
	}
	if !c.server.tls {
		if err := startTLS(ctx, raw); err != nil {
			_ = raw.Close()
			return nil, false, err
		}
	}
	secured := tls.Client(raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, false, err
	}
	return secured, true, nil
}

// startTLS asks for TLS by hand: ldap.Conn.StartTLS does not tell what was wrong with a
// certificate. RFC 4511, section 4.14.
func startTLS(ctx context.Context, raw net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "LDAPMessage")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "messageID"))
	extended := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "StartTLS")
	extended.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", "requestName"))
	request.AppendChild(extended)
	if _, err := raw.Write(request.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(raw)
	if err != nil {
		return err
	}
	if ldap.GetLDAPError(answer) != nil {
		return errNoTLS
	}
	return nil
}

// refusedBinds are the result codes of a bind that mean the account, not the request: 389
// Directory Server answers 19 for one that is locked, and 53 for one that is disabled.
var refusedBinds = map[uint16]Result{
	ldap.LDAPResultConstraintViolation: results[ldap.LDAPResultInvalidCredentials],
	ldap.LDAPResultNoSuchObject:        results[ldap.LDAPResultInvalidCredentials],
	ldap.LDAPResultInvalidDNSyntax:     results[ldap.LDAPResultInvalidCredentials],
	ldap.LDAPResultUnwillingToPerform:  results[ldap.LDAPResultInvalidCredentials],
}

// bind says who is asking.
func (c *Client) bind(ctx context.Context, operation string, s *session) *connectors.Error {
	if c.settings.password == nil {
		return c.bound(ctx, operation, s, func(conn *ldap.Conn) error { return conn.ExternalBind() })
	}
	return c.secret.bind(c.Name, func(password string) *connectors.Error {
		return c.bound(ctx, operation, s, func(conn *ldap.Conn) error {
			_, err := conn.SimpleBind(ldap.NewSimpleBindRequest(c.settings.bindDN, password, nil))
			return err
		})
	}, func(kind connectors.Kind, message string) *connectors.Error {
		return c.Fail(operation, kind, c.Name+": "+message)
	})
}

func (c *Client) bound(ctx context.Context, operation string, s *session, bind func(*ldap.Conn) error) *connectors.Error {
	if failure := c.wait(ctx, operation); failure != nil {
		return failure
	}
	err := s.run(ctx, bind)
	code, answered := codeOf(err)
	switch {
	case err == nil:
		return nil
	case !answered && ctx.Err() != nil:
		return c.unreachable(operation, context.DeadlineExceeded)
	case !answered:
		return c.unreachable(operation, err)
	}
	return c.refused(Call{Operation: operation, Results: refusedBinds}, code)
}
