// Uploading: local files become files of the account, whole or not at all.
//
//   LocalFile ──► small: one request ─────────────────────────────────────────────┐
//      │          large: SessionUpload ──► pieces of 4 MiB, several at once ──► finish ──► content hash compared
//      │                      │
//      │                      └──► SessionJournal: which pieces the server has, so that another process can go on
//      └── looked at again before the finish: a file that was changed meanwhile is uploaded anew
//
// Nothing of the mirror depends on it.
