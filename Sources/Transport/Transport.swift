// Transport: HTTP over one curl_multi, driven by one thread. Knows no Dropbox and retries nothing.
//
//   send ──► Mailbox ──► CurlLoop (the thread) ──► curl_multi ──► header and body callbacks ──► BodySink
//    ▲       (Mutex + curl_multi_wakeup)                                    │
//    └───────────── continuation, resumed exactly once, by the thread ◄─────┘
//
// Easy handles, header lists and sinks are touched by that thread only, and nothing on it waits. A sink without room and a
// source without bytes pause their transfer, and call back when it can go on: that is the back-pressure.
