package pingone

import "github.com/latchkey-iam/latchkey/connectors"

// fields documents the user object:
// https://developer.pingidentity.com/pingone-api/platform/users/users-1.html and
// https://developer.pingidentity.com/pingone-api/platform/users/user-accounts.html
var fields = []connectors.Field{
	{Label: "ID", Key: "id", Type: "string", Meaning: "The user's unique identifier, a UUID."},
	{Label: "Username", Key: "username", Type: "string", Meaning: "The user's name for signing in, unique within the environment."},
	{Label: "Email", Key: "email", Type: "string", Meaning: "The user's email address, which other users may have too."},
	{Label: "Email verified", Key: "emailVerified", Type: "boolean", Meaning: "Indicates whether the user has confirmed the email address."},
	{Label: "Enabled", Key: "enabled", Type: "boolean", Meaning: "Indicates whether the user is enabled; an unlock leaves this alone."},
	{Label: "Account", Key: "account", Type: "object", Meaning: "Contains the account's lock.", Always: true, Fields: []connectors.Field{
		{Label: "Can authenticate", Key: "canAuthenticate", Type: "boolean", Meaning: "Indicates whether the user can authenticate; false when the account is locked or the user is disabled."},
		{Label: "Locked at", Key: "lockedAt", Type: "date-time", Meaning: "The date-time the user account was locked; may be absent if it was locked out automatically by failed password attempts."},
		{Label: "Seconds until unlock", Key: "secondsUntilUnlock", Type: "integer", Meaning: "The number of seconds until the user's account is unlocked; absent if it is unlocked or must be unlocked by an administrator."},
		{Label: "Status", Key: "status", Type: "string", Meaning: "The account locked state: LOCKED or OK."},
		{Label: "Unlock at", Key: "unlockAt", Type: "date-time", Meaning: "The time the user account will be unlocked; absent if it is unlocked or must be unlocked by an administrator."},
	}},
	{Label: "Name", Key: "name", Type: "object", Meaning: "Contains the parts of the user's name.", Fields: []connectors.Field{
		{Label: "Family", Key: "family", Type: "string", Meaning: "The family name."},
		{Label: "Formatted", Key: "formatted", Type: "string", Meaning: "The whole name as it is shown."},
		{Label: "Given", Key: "given", Type: "string", Meaning: "The given name."},
		{Label: "Honorific prefix", Key: "honorificPrefix", Type: "string", Meaning: "The title before the name."},
		{Label: "Honorific suffix", Key: "honorificSuffix", Type: "string", Meaning: "The addition after the name."},
		{Label: "Middle", Key: "middle", Type: "string", Meaning: "The middle name."},
	}},
	{Label: "Nickname", Key: "nickname", Type: "string", Meaning: "The user's nickname."},
	{Label: "Title", Key: "title", Type: "string", Meaning: "The user's title, such as a position."},
	{Label: "Type", Key: "type", Type: "string", Meaning: "The user's type, such as employee or contractor."},
	{Label: "Primary phone", Key: "primaryPhone", Type: "string", Meaning: "The user's main phone number."},
	{Label: "Mobile phone", Key: "mobilePhone", Type: "string", Meaning: "The user's mobile phone number."},
	{Label: "Address", Key: "address", Type: "object", Meaning: "Contains the user's address.", Fields: []connectors.Field{
		{Label: "Country code", Key: "countryCode", Type: "string", Meaning: "The country's code."},
		{Label: "Locality", Key: "locality", Type: "string", Meaning: "The city or town."},
		{Label: "Postal code", Key: "postalCode", Type: "string", Meaning: "The postal code."},
		{Label: "Region", Key: "region", Type: "string", Meaning: "The state or province."},
		{Label: "Street address", Key: "streetAddress", Type: "string", Meaning: "The street and number."},
	}},
	{Label: "Locale", Key: "locale", Type: "string", Meaning: "The user's locale, for formats."},
	{Label: "Preferred language", Key: "preferredLanguage", Type: "string", Meaning: "The user's language."},
	{Label: "Timezone", Key: "timezone", Type: "string", Meaning: "The user's time zone."},
	{Label: "Photo", Key: "photo", Type: "object", Meaning: "Contains the address of the user's picture.", Fields: []connectors.Field{
		{Label: "Address", Key: "href", Type: "string", Meaning: "The picture's address."},
	}},
	{Label: "External ID", Key: "externalId", Type: "string", Meaning: "The user's identifier in another system."},
	{Label: "Identity provider", Key: "identityProvider", Type: "object", Meaning: "Contains who authenticates the user.", Fields: []connectors.Field{
		{Label: "ID", Key: "id", Type: "string", Meaning: "The external identity provider's identifier; absent when it is PingOne."},
		{Label: "Type", Key: "type", Type: "string", Meaning: "The identity provider's type, such as PING_ONE."},
	}},
	{Label: "MFA enabled", Key: "mfaEnabled", Type: "boolean", Meaning: "Indicates whether multi-factor authentication is on for the user."},
	{Label: "Last sign-on", Key: "lastSignOn", Type: "object", Meaning: "Contains the user's last sign-on.", Fields: []connectors.Field{
		{Label: "At", Key: "at", Type: "date-time", Meaning: "When it was."},
		{Label: "Remote IP", Key: "remoteIp", Type: "string", Meaning: "The address that it came from."},
	}},
	{Label: "Lifecycle", Key: "lifecycle", Type: "object", Meaning: "Contains where the user stands in the lifecycle.", Fields: []connectors.Field{
		{Label: "Status", Key: "status", Type: "string", Meaning: "ACCOUNT_OK, or what the user has yet to do."},
		{Label: "Suppress verification code", Key: "suppressVerificationCode", Type: "boolean", Meaning: "Indicates whether no verification code was sent when the user was made."},
	}},
	{Label: "Verify status", Key: "verifyStatus", Type: "string", Meaning: "Whether the user's identity can be verified: NOT_INITIATED, ENABLED or DISABLED."},
	{Label: "Group IDs", Key: "memberOfGroupIDs", Type: "[]string", Meaning: "The identifiers of the user's groups; sent only when asked for."},
	{Label: "Group names", Key: "memberOfGroupNames", Type: "[]string", Meaning: "The names of the user's groups; sent only when asked for."},
	{Label: "Environment", Key: "environment", Type: "object", Meaning: "Contains the environment that holds the user.", Fields: []connectors.Field{
		{Label: "ID", Key: "id", Type: "string", Meaning: "The environment's identifier."},
	}},
	{Label: "Population", Key: "population", Type: "object", Meaning: "Contains the population that holds the user.", Fields: []connectors.Field{
		{Label: "ID", Key: "id", Type: "string", Meaning: "The population's identifier."},
	}},
	{Label: "Created at", Key: "createdAt", Type: "date-time", Meaning: "When the user was made."},
	{Label: "Updated at", Key: "updatedAt", Type: "date-time", Meaning: "When the user was last changed."},
	{Label: "Embedded", Key: "_embedded", Type: "object", Meaning: "Contains what PingOne sends along at times, such as the password's status."},
	{Label: "Links", Key: "_links", Type: "object", Meaning: "Contains the addresses of what belongs to the user."},
}
