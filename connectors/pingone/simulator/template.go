package simulator

import (
	kit "github.com/latchkey-iam/latchkey/connectors/simulator"
)

// template is what every user has until told otherwise; all users share it.
// It carries every key of PingOne's user that is not kept in the user itself,
// and a custom attribute of each type.
var template = kit.MustFields(`{
  "address": {"countryCode": "FR", "locality": "Lyon", "postalCode": "69001", "region": "Rhone", "streetAddress": "1 Example Street"},
  "emailVerified": true,
  "externalId": "E-1042",
  "identityProvider": {"type": "PING_ONE"},
  "lastSignOn": {"at": "2025-03-01T08:15:30.123Z", "remoteIp": "192.0.2.17"},
  "lifecycle": {"status": "ACCOUNT_OK"},
  "locale": "fr-FR",
  "mfaEnabled": true,
  "mobilePhone": "+33.600000001",
  "name": {"family": "Example", "formatted": "Alex Quinn Example", "given": "Alex", "honorificPrefix": "Dr.",
    "honorificSuffix": "IV", "middle": "Quinn"},
  "nickname": "Lex",
  "photo": {"href": "https://photos.example.com/alex.png"},
  "preferredLanguage": "fr",
  "population": {"id": "d0000000-0000-4000-8000-000000000001"},
  "primaryPhone": "+33.400000001",
  "timezone": "Europe/Paris",
  "title": "Accountant",
  "type": "employee",
  "verifyStatus": "NOT_INITIATED",
  "badgeNumber": "B-1042",
  "costCenters": ["CC-17", "CC-18"],
  "desk": {"building": "North", "floor": 3},
  "certificates": [{"name": "first-aid", "year": 2024}, {"name": "fire", "year": 2025}]
}`)

// onRequest are the keys that an answer carries only when include names them.
var onRequest = []string{"memberOfGroupIDs", "memberOfGroupNames"}

// hidden are the keys that belong to a user but not to its object.
var hidden = append([]string{"roleAssignments"}, onRequest...)
