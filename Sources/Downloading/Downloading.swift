// Downloading: files of the account become local files outside the mirror, whole or not at all.
//
//   Download ──► WriteBehind, which takes the bytes off the transport's thread
//      │
//      ├──► PartFile: LOCAL.REVISION.part, continued by a later run ──► hash compared ──► fsync, rename
//      │
//      ├── OutputSink        the same to standard output, where nothing can be taken back
//      ├── get(RemoteTree)   a folder as it was listed: its folders, then its files, several at a time
//      └── NewFile           a file that never takes the place of another: downloaded, or copied from one of this machine
//
//   DownloadMeter    how far it has come
//   DownloadError    why a local file is not there
