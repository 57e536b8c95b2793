// Dropbox: the API v2 as a `RemoteSource`. Endpoints, JSON, sign-in, pacing and the retry of requests.
//
//   DropboxClient ──► Endpoints/* build a Call ──► RequestExecutor: token, gate, attempt, classify, retry
//                                                     │        │       │
//                                              TokenSource  RequestGate  HTTPTransport
//   answers ──► Wire/* ──► values of SyncModel, or a DropboxError with its disposition
//
// A request is retried here and nowhere else. Tokens, codes and cursors never stand in an error or a log line.
