package guard

// ExplainedCode is a code of a refusal with its meaning.
type ExplainedCode struct {
	Code    Code
	Meaning string
}

// Codes explains every code of a refusal.
func Codes() []ExplainedCode {
	return []ExplainedCode{
		{CodeSuspended, "The account is suspended, and the caller did not override that."},
		{CodeDisabled, "The account is disabled, and the caller did not override that."},
		{CodeOverrideNotPermitted, "The caller overrides something that the connection does not permit to override."},
		{CodeProtectedUser, "The connection protects this user."},
		{CodeProtectedGroup, "The connection protects a group that the user belongs to."},
		{CodeGroupsUnknown, "The connection or the guard names groups, and those of the account could not be read."},
		{CodeAdminLock, "The connection leaves alone what was not locked by failed sign-ins."},
		{CodePrivileged, "The account is privileged."},
		{CodePrivilegeUnknown, "The provider does not say whether the account is privileged."},
		{CodeLockReason, "A lock's reason is none of `guard.onlyReasons`."},
		{CodeLockedTooBriefly, "A lock is younger than `guard.minLockedFor`."},
		{CodeLockedTooLong, "A lock is older than `guard.maxLockedFor`."},
		{CodeLockAgeUnknown, "The guard asks for the age of a lock, and the provider does not tell it."},
		{CodeStateUnknown, "A layer could not be read, and the guard or the connection asks for its locks' reasons or ages."},
		{CodeExcluded, "`guard.exclude` covers the user."},
		{CodeNotIncluded, "`guard.include` does not cover the user."},
		{CodeChangedSinceApproval, "The account's locks or flags are not those that were approved."},
		{CodeApprovalRequired, "At the moment of the unlock the account was one that somebody must approve, and at the look-up it was not; or the connection no longer lets the approver approve."},
		{CodeRequesterUnknown, "Somebody must approve the unlock, and the request does not say who asks, who must not: give `requestedBy`."},
		{CodeUnlockCeiling, "The connection's ceiling of unlocks an hour is reached."},
	}
}
