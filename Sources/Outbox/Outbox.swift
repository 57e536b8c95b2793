// Outbox: what is dropped into the watched folder, the outbox, goes up.
//
//   inotify ──► FolderWatcher: waits until a path has been quiet ──► Store: what stands there      (events become state)
//   scan    ──►                                                 │
//                                                               ▼
//   OutboxPlan (pure): what is to be done about a row ◄── OutboxUploader: rows that are due, each done by OutboxWork
//        resolve  after a crash: is it in the account already?
//        upload   intent durable ──► FileUpload ──► receipt durable
//        finish   the file is removed or moved, if it still is what was confirmed
//
// SettlingPaths, WatchedPaths and UploadPause are what the two remember; pure.
//
// No upload without a durable intent, no removal without a durable receipt. Nothing of the mirror depends on it, and it
// knows nothing of the mirror. Nothing here ever deletes anything in Dropbox.
