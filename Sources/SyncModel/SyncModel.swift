// SyncModel: the words of the domain and every decision. Pure: no I/O, no clock, no logger, no `async` but in the port.
//
//   want     what the remote holds, as last recorded           (RemoteNode by RemoteKey)
//   have     what stands on the disk because we put it there   (LocalNode by RemoteKey)
//   pending  keys where want and have may differ, as far as the Selection asks for them
//   intent   an effect on the disk that was begun and is not yet confirmed
//
//   page ──PageFold──► edits ──(store)──► want, pending
//   window of pending ──Planner──► Plan of Operations ──(engine)──► Outcomes ──(store)──► have
//   intent + observation ──Recovery──► Outcome
//
// The two laws: the cursor never runs ahead of the recorded want; the have never runs ahead of the disk.
