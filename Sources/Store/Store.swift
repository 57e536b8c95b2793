// Store: the state file. It knows neither the disk nor the network. Every write is one durable transaction;
// `select` needs several, and is continued after a crash.
//
//   StateStore        opens, writes, reads
//     Schema          the tables, with what each column means
//     +Record         the only writer of want and of the cursor
//     Unread          entries that nobody can read; also writes want.generation, to keep what they may be about
//     +Commit         intents, outcomes; HaveTable is the only writer of have, except have.proven_at (Proof)
//     +Window         pending items with their paths (PathResolver); reuse candidates by hash
//     +Select         the patterns in effect (SelectionInEffect, the SQL function `verdict`)
//     +Progress       cursor, account, times
//     +Entries, +Sweep, +Findings, +Proofs      what comparing the disk needs and finds
//     +Report, SyncSnapshot                     what `status` says; what "in step" means
//     +Explain                                  all that is known of one path
//     +Outbox, +Uploaded                        what goes up
//     LossGuard, +Holds, DecisionBox            what is too much is held until somebody decides
//     HistoryTable, +History, TrashTable        what changed; what left the mirror and is kept
//     +Rebuild, Audit, Checksums, DamagedState  a state that is not what was written is set aside and made anew
//     +Invariants                               the central invariant, for tests and repair
//   PendingTable      a key whose want and have differ is pending: the SQL twin of `LocalNode.satisfies`
//   Rows, RowStatement, RowDigest, Timestamp+SQL  row ↔ value
//
// The two laws: the cursor never runs ahead of the recorded want; the have never runs ahead of the disk. The file is a
// cache of facts; losing it costs a listing and local hashing: docs/architecture.md#the-state-file.
