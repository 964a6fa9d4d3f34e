package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// replicate makes each of two servers send its changes to the other.
func (d *DS389) replicate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for i, server := range d.Servers {
		connection, err := server.Manage()
		if err != nil {
			return err
		}
		other := d.Servers[1-i]
		add := ldap.NewAddRequest(`cn=other,cn=replica,cn=dc\3Dexample\2Cdc\3Dcom,cn=mapping tree,cn=config`, nil)
		for name, value := range map[string]string{
			"objectClass": "nsds5ReplicationAgreement", "cn": "other", "nsDS5ReplicaRoot": DS389Base,
			"nsDS5ReplicaHost": other.Host, "nsDS5ReplicaPort": strconv.Itoa(ds389Port), "nsDS5ReplicaTransportInfo": "LDAP",
			"nsDS5ReplicaBindMethod": "SIMPLE", "nsDS5ReplicaBindDN": "cn=replication manager,cn=config", "nsDS5ReplicaCredentials": "replication-password",
		} {
			add.Attribute(name, []string{value})
		}
		if i == 0 { // The first gives the second all that it holds.
			add.Attribute("nsds5BeginReplicaRefresh", []string{"start"})
		}
		if err := errors.Join(connection.Add(add), connection.Close()); err != nil {
			return fmt.Errorf("replicate: %w\n%s", err, logOf(server.folder))
		}
		if i == 0 {
			if err := server.await(ctx, add.DN, "nsds5replicaLastInitStatus", "Total update succeeded"); err != nil {
				return err
			}
		}
	}
	return d.awaitReplication(ctx)
}

// awaitReplication returns when a change at either arrives at the other.
func (d *DS389) awaitReplication(ctx context.Context) error {
	for i, from := range d.Servers {
		connection, err := from.Manage()
		if err != nil {
			return err
		}
		name := "ou=sign" + strconv.Itoa(i) + "," + DS389Base
		add := ldap.NewAddRequest(name, nil)
		add.Attribute("objectClass", []string{"organizationalUnit"})
		if err := errors.Join(connection.Add(add), connection.Close()); err != nil {
			return err
		}
		if err := d.Servers[1-i].await(ctx, name, "ou", "sign"); err != nil {
			return err
		}
	}
	return nil
}

// await returns when an entry's attribute holds the text.
func (s *DS389Server) await(ctx context.Context, name, attribute, text string) error {
	connection, err := s.Manage()
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		found, err := connection.Search(ldap.NewSearchRequest(name, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false, "(objectClass=*)", []string{attribute}, nil))
		if err == nil && len(found.Entries) == 1 && strings.Contains(found.Entries[0].GetAttributeValue(attribute), text) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the %s of %s at %s does not become %s: %w", attribute, name, s.Host, text, cmp.Or(err, ctx.Err()))
		case <-ticker.C:
		}
	}
}
