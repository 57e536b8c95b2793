// AccountChecks: nothing of the account is believed before it is known to be the right one.
//
//   AccountGuard     a RemoteSource before the client: who is signed in, and which folder stands at the path
//   AccountClients   how it gets its clients
//   AccountError     why there is no listing, and how that is handled
//
//   changes ──► asked once: account, folder ──► Origin ──► the same as in the state? claimed for the mirror? ──► page
//                                                          └── no: an error, and nothing was listed
//
// A folder that is gone, that is another one, or that is a file now must never look like one that is empty.
