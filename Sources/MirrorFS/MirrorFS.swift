// MirrorFS: the mirror on the disk. Synchronous and blocking; it knows neither the state file nor the network.
//
//   MirrorTree        the mirror, open
//     Anchor, Marker, MirrorOwner, FileLock     whose mirror it is, and who works on it
//     MirrorRoot, Descriptor                    every access: a folder opened beneath the root, then one leaf name
//     +Perform, Applier, PreparedOperation      a batch of effects, in order, and made durable
//     +Staging, StagingFile, BlockFile          files are received, hashed and verified ──► StagedFile
//     +Aside, +Displaced                        what is not ours; what had to make way and may be used again
//     +Trash, TrashFolders                      what left the mirror and is kept
//     +Look, +Survey, +Verify, Proofreading     comparing what stands with what was put there
//     +Reading                                  opening what stands or is kept, for a copy of it
//     +AdoptUpload                              a file of an outbox in the mirror, which the account has now
//     +NameCollision                            names that the file system takes for one
//   Observe           what stands at a path
//   Inheritance       group and access rights that a folder hands on
//   FileSystemKind    what a file system can be relied on for
//   DiskTrial         the same, found out by trying
//   DiskSpace         how much fits on it
//   MirrorError       call, path, reason, hint
//
// Each effect looks before it acts, so doing one twice does no harm. Only `StagingFile.finish` and `BlockFile.finish`
// make a StagedFile, and nothing else can be published. No path leads out of the root: docs/architecture.md#path-safety-and-names.
