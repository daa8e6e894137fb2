/**
 * The `err_code`s that this package tells apart; the server's `errors.json` has all of them. One
 * constant each, so that a bundle has those that it uses: `import * as ApiErrorCode`.
 */

export const AccountResources = 10002;
export const NoSuitablePeers = 10005;
export const ConsumerNotFound = 10014;
export const MaximumStreams = 10027;
export const MemoryExhausted = 10028;
export const NoAccount = 10035;
export const NoMessage = 10037;
export const NotEnabledForAccount = 10039;
export const StorageExhausted = 10047;
export const StreamInvalidConfig = 10052;
export const MessageTooLarge = 10054;
export const StreamNameInUse = 10058;
export const StreamNotFound = 10059;
export const SubjectOverlap = 10065;
export const WrongLastSequence = 10071;
export const ReplicasWithoutCluster = 10074;
export const NotEnabled = 10076;
export const StoreFailed = 10077;
export const HeadersTooLarge = 10097;
export const MaxBytesRequired = 10113;
export const NoLimits = 10120;
export const MaxStreamBytes = 10122;
export const DuplicateInProcess = 10158;
export const WrongLastSequenceConstant = 10164;
