package client

import (
	"cmp"

	temporalclient "go.temporal.io/sdk/client"

	dial "github.com/latchkey-iam/latchkey/internal/temporalclient"
)

// Encrypt has a Temporal client that is dialled with the options encrypt as Latchkey's own
// processes do, with the keyset of LATCHKEY_ENCRYPTION_KEYSET_FILE; without it nothing is
// encrypted. The options' DataConverter is then what Client.Converter must be.
func Encrypt(options *temporalclient.Options) error { return encrypt(options, false) }

// EncryptWorker is Encrypt for a client that workers use. Where a key is missing, a workflow's
// task fails until it is there.
func EncryptWorker(options *temporalclient.Options) error { return encrypt(options, true) }

func encrypt(options *temporalclient.Options, serving bool) error {
	keys, err := dial.EnvironmentKeys()
	if err != nil {
		return err
	}
	keys.Encrypt(options, cmp.Or(options.Namespace, temporalclient.DefaultNamespace), serving)
	return nil
}
