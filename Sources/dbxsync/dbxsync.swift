// dbxsync: the program. Only here concrete types meet, and configuration, environment and signals are read.
//
//   Main        the command line           ExitCode    what an exit says
//   Commands/   a file for each command
//   Assembly/   CompositionRoot.open: lock, state, mirror, sign-in, engine. Failure turns any error into an exit code
//   Feed/       the history as a feed: pages, a position that lasts, batches for `run-on-change`
//   Services/   what `run` runs side by side: engine, outbox, status, metrics, heartbeat, reload, watchdog
//   Web/        `web`: WebConnection and WebListener read and write, WebSite answers, by MirrorSite for one mirror and
//               MachineSite for all, PageFacts is what the page shows, StatusPage how
//   Instances/  every mirror of the machine: Instance finds them, InstanceRun asks each by a process of its own, AllStatus
//               sorts the answers; Neighbours keeps them apart, SharedPauses tells daemons of one account of pauses
//   Report/     `status`: StatusReport is the JSON, StatusText the words, StatusWord what a running daemon says;
//               `explain`: ExplainReport and ExplainText; `ls`: MirrorMark, ListedEntry and ListingText
//   Metrics/    `metrics`: Metrics counts, MetricsWord tells it other processes, MetricsFacts is all that is known,
//               MetricFamilies and MetricsText make text of it
//   Doctor/     `doctor`: Examination runs the checks, each of which gives Findings; DoctorReport is the JSON and the words
//   Setup/      `setup`: Setup asks, with a Dialogue, and makes a SetupDraft; SetupWriter writes, ServiceStart starts
//   Heartbeat/  Health judges, HeartbeatPlan says when it is told, HeartbeatSender tells it
//   Restore/    `restore`: MirrorPlace reads the path, PastReader and PastFiles lead the mirror back through its history,
//               RestorePlanner with RestoreChoice says what comes from where, Restorer brings it
//   System/     journal, sd_notify, terminal, lock of the instance, disks that do not answer, the last resort of a stop
//
// Where an exit code, a key or a journal field comes from: docs/architecture.md#where-things-live.

import Configuration
