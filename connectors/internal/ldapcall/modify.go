package ldapcall

import (
	"context"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey-iam/latchkey/connectors"
)

// The controls that tell of an entry within its change: RFC 4527 and RFC 4528.
const (
	controlAssertion = "1.3.6.1.1.12"
	controlPreRead   = "1.3.6.1.1.13.1"
	controlPostRead  = "1.3.6.1.1.13.2"
)

// Modify is a change of one entry.
type Modify struct {
	DN      string
	Changes []ldap.Change
	// Assert is a filter that the entry must match at the change; empty asserts nothing.
	Assert string
	// Before and After are the attributes to tell as they stood before the change and after it.
	Before, After []string
}

// Replace is the change that sets an attribute to the values; without any it removes it.
func Replace(attribute string, values ...string) ldap.Change {
	return ldap.Change{Operation: ldap.ReplaceAttribute, Modification: ldap.PartialAttribute{Type: attribute, Vals: values}}
}

// Delete is the change that removes the values; without any the attribute, which must be there.
func Delete(attribute string, values ...string) ldap.Change {
	return ldap.Change{Operation: ldap.DeleteAttribute, Modification: ldap.PartialAttribute{Type: attribute, Vals: values}}
}

// Modify changes an entry. before and after are nil where the server does not tell.
func (c *Client) Modify(ctx context.Context, call Call, change Modify) (before, after *ldap.Entry, err error) {
	request := ldap.NewModifyRequest(change.DN, nil)
	request.Changes = change.Changes
	if change.Assert != "" {
		filter, err := ldap.CompileFilter(change.Assert)
		if err != nil {
			return nil, nil, sent(c.Fail(call.Operation, connectors.RejectedByProvider, "the account's identifier cannot be asserted"), call, connectors.No)
		}
		request.Controls = append(request.Controls, ldap.NewControlString(controlAssertion, true, string(filter.Bytes())))
	}
	if len(change.Before) > 0 {
		request.Controls = append(request.Controls, ldap.NewControlString(controlPreRead, false, selection(change.Before)))
	}
	if len(change.After) > 0 {
		request.Controls = append(request.Controls, ldap.NewControlString(controlPostRead, false, selection(change.After)))
	}
	var result *ldap.ModifyResult
	if failure := c.do(ctx, call, func(conn *ldap.Conn) (err error) {
		result, err = conn.ModifyWithResult(request)
		return err
	}); failure != nil {
		return nil, nil, failure
	}
	return entryIn(result.Controls, controlPreRead), entryIn(result.Controls, controlPostRead), nil
}

// selection is the AttributeSelection of RFC 4511.
func selection(attributes []string) string {
	sequence := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "AttributeSelection")
	for _, name := range attributes {
		sequence.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, "attribute"))
	}
	return string(sequence.Bytes())
}

// entryIn reads the SearchResultEntry that a control holds.
func entryIn(controls []ldap.Control, of string) *ldap.Entry {
	control, _ := ldap.FindControl(controls, of).(*ldap.ControlString)
	if control == nil {
		return nil
	}
	packet, err := ber.DecodePacketErr([]byte(control.ControlValue))
	if err != nil || len(packet.Children) < 2 {
		return nil
	}
	attributes := map[string][]string{}
	for _, attribute := range packet.Children[1].Children {
		if len(attribute.Children) < 2 {
			return nil
		}
		name, _ := attribute.Children[0].Value.(string)
		for _, value := range attribute.Children[1].Children {
			attributes[name] = append(attributes[name], string(value.ByteValue))
		}
	}
	return ldap.NewEntry("", attributes)
}

// TimeOf reads a generalized time of an entry: zero where it is not there or none.
func TimeOf(entry *ldap.Entry, attribute string) time.Time {
	if entry == nil {
		return time.Time{}
	}
	moment, _ := ParseTime(entry.GetEqualFoldAttributeValue(attribute))
	return moment
}
