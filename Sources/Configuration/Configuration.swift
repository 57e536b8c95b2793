// Configuration: /etc/dbxsync.conf as a checked value. It reads one file, and asks the system for groups; nothing else.
//
//   bytes ──► TomlDocument (toml++) ──► ConfigReader ──► Config, or ConfigProblems: all of them, each with its place
//                                            │
//   ConfigKey, Config.keys     a line for each key: name, property, form, what a reload does with it
//     ConfigForm, SafetyForms  how a kind of value is read, checked and written; Units, PathText, Groups
//     OnChange                 the keys of tables that have names of the user's choice
//   Suggestions                what an unknown name was probably meant to be
//   ConfigText                 a Config as a file or JSON again
//   ConfigEdit                 a value changed in the text of a file, and nothing else
//   ConfigReload               what a reload changes now, what waits
//   DropIn                     what a service may write to, as a file for systemd
//   MomentText                 a time on the command line
//   OutboxPlaces               where an outbox may be
