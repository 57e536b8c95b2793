// A local stand-in for the Dropbox API v2, written from its description and sharing no code with the product: what both
// got wrong in the same way would go unseen.
//
//   SandboxServer   one base URL for all hosts: /2/… the API, /oauth2/… sign-in, /sandbox/… control
//     HTTP/         connections, requests, replies; arguments, refusals and metadata in the API's forms
//     Service       the routes' rules (method, token, scope, content type, path root, argument), then Endpoints/
//     Faults/       what goes wrong on purpose, for which requests
//     Control/      commands for scripts: change the account, switch behaviours, read the log
//   Account         the tree, its revisions, ids and cursors, without HTTP; tests use it in process
//     AccountState  nodes, revisions and the journal, all behind one lock
//
// Everything that the real service leaves open is a switch in Settings, so that a client cannot come to rely on it. What
// is random on purpose: the order of members and the blanks in JSON, escapes, dots behind error summaries, cursor texts.
