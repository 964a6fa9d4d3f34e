package simulator

import (
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// template is what every user has until told otherwise; all users share it.
// It carries every key of JumpCloud's user that is not kept in the user itself.
var template = kit.MustFields(`{
  "allow_public_key": true,
  "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISimulatedSimulatedSimulatedSimulatedSimul user@laptop",
  "sudo": false,
  "enable_managed_uid": true,
  "unix_uid": 5001,
  "unix_guid": 5001,
  "activated": true,
  "tags": ["emea", "finance"],
  "passwordless_sudo": false,
  "externally_managed": false,
  "external_dn": "",
  "external_source_type": "",
  "firstname": "Alex",
  "lastname": "Example",
  "ldap_binding_user": false,
  "enable_user_portal_multifactor": true,
  "attributes": [{"name": "badge", "value": "B-1042"}, {"name": "site", "value": "Lyon"}],
  "samba_service_user": false,
  "addresses": [{"id": "5b0000000000000000000001", "type": "work", "poBox": "", "extendedAddress": "Floor 3",
    "streetAddress": "1 Example Street", "locality": "Lyon", "region": "Rhone", "postalCode": "69001", "country": "FR"}],
  "jobTitle": "Accountant",
  "department": "Finance",
  "phoneNumbers": [{"id": "5b0000000000000000000002", "type": "mobile", "number": "+33 600 000 001"}],
  "password_never_expires": false,
  "middlename": "Quinn",
  "displayname": "Alex Example",
  "description": "",
  "location": "Lyon",
  "costCenter": "CC-17",
  "employeeType": "full-time",
  "company": "Example",
  "employeeIdentifier": "E-1042",
  "mfa": {"configured": false, "exclusion": true, "exclusionUntil": "2031-01-01T00:00:00.000Z", "exclusionDays": 7},
  "alternateEmail": "",
  "disableDeviceMaxLoginAttempts": false,
  "external_password_expiration_date": "",
  "managedAppleId": "",
  "manager": "5a00000000000000000000aa",
  "relationships": [{"type": "manager", "value": "5a00000000000000000000aa"}],
  "restrictedFields": [{"field": "department", "id": "5b0000000000000000000003", "type": "active_directory"}],
  "ssh_keys": [{"_id": "5b0000000000000000000004", "create_date": "2021-02-12T17:45:42.369Z", "name": "laptop",
    "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISimulatedSimulatedSimulatedSimulatedSimul"}],
  "password_expired": false,
  "totp_enabled": false,
  "password_expiration_date": null,
  "admin": null,
  "creationSource": "jumpcloud:bulk",
  "password_date": "2021-02-12T17:45:42.369Z",
  "recoveryEmail": {"address": "alex@home.example", "verified": true, "verifiedAt": "2021-02-12T17:45:42.369Z"},
  "mfaEnrollment": {"overallStatus": "NOT_ENROLLED", "totpStatus": "NOT_ENROLLED", "webAuthnStatus": "NOT_ENROLLED",
    "pushStatus": "NOT_ENROLLED", "jcGoStatus": "NOT_ENROLLED", "smsStatus": "NOT_ENROLLED"},
  "delegatedAuthority": null,
  "systemUsername": "",
  "memberof": []
}`)

// neverActivated are the keys that a user who was never activated lacks,
// unless it was made with them.
var neverActivated = []string{
	"organization", "tags", "public_key", "badLoginAttempts", "mfaEnrollment", "password_date", "manager", "relationships",
}

// readOnly are the keys that the update call does not change.
var readOnly = []string{
	"_id", "id", "organization", "created", "badLoginAttempts", "account_locked_date", "activated", "admin",
	"creationSource", "mfaEnrollment", "password_date", "password_expired", "password_expiration_date",
	"totp_enabled", "memberof", "delegatedAuthority", "restrictedFields",
}

// nullInTheWild are keys that are null at times although the specification knows no null there.
var nullInTheWild = []string{"alternateEmail", "employeeIdentifier"}
