// Engine: the order of things. It holds the store and the mirror, and knows the remote as `RemoteSource` only.
//
//   SyncEngine      an actor: wait, pass, report, wait
//     SyncPass      settle, read, pull, prune
//       ChangeFeedReader  pages ──► StateStore.record                    the want is brought up to date
//       PullLoop          windows ──► Planner ──► fetches ──► batches    what is wanted is put in place
//         PullState       decides: events ──► actions; pure
//         PullSteps       does what nothing may run beside     PullTasks   runs what may
//         WindowReader    reads and plans windows              PlanSettler makes their folders
//         Fetcher         adopt, move, copy or download, whichever is possible first
//           SegmentedDownload, SmallBody, ChunkedSink                    how bytes reach the disk
//         ZipFetcher, BytePipe                                           folders of many small files
//         SpaceLedger, StagingSpace                                      what downloads still need of the disk
//       Prune       what is no longer in the account is removed
//       Publisher   intend, perform, commit: the only one that executes what was planned
//     DiskWatch, WatchedFolders, Sweeper    what others do in the mirror
//     Scrub, ScrubAgenda                    every file's bytes are read again
//     MirrorOutage                          a mirror that is away is waited for
//     Wakeup, Longpoll                      wait for what starts the next pass
//   Verifier, Repair    `dbxsync verify`         PlanPreview    `sync --dry-run`
//   StatusBoard         how it gets on           EventLog       each outcome is logged once
//   StageTimes, MeasuredRemote                   where the time of a pass goes
//   DiskPool, AsyncMutex, Shielded, Monitor    tools for threads and tasks
//
// One task runs the engine. A pass is structured concurrency, and PullLoop is one loop over a task group, so PullState
// needs no lock. What blocks runs on a DiskPool: 4 threads for effects, 2 for reading, 4 for zips, 1 for the scrub.
// Planned operations happen in Publisher alone, one batch at a time (AsyncMutex), shielded from cancellation from
// intent to commit; Sweeper and Scrub set things aside under the same AsyncMutex.
//
// The whole way of one change: docs/architecture.md#one-change-from-page-to-file.
