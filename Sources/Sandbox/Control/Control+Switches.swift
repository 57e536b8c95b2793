extension Control {
    /// Behaviour of the service, sign-ins, and what was asked of it.
    static let switchCommands: [Command] = [
        Command(method: "GET", name: "settings", help: "all switches and their values") { control, _ in
            control.account.settings.json
        },
        Command(method: "POST", name: "settings", help: "changes the switches that are named") { control, json in
            var settings = control.account.settings
            try settings.apply(json)
            control.account.settings = settings
            return settings.json
        },
        Command(method: "POST", name: "expire-cursors", help: "makes every cursor so far answer with reset") {
            control, _ in
            control.account.expireCursors()
            return [:]
        },
        Command(method: "POST", name: "expire-sessions", help: "makes every upload session answer with not_found") {
            control, _ in
            control.service.sessions.expire()
            return [:]
        },
        Command(
            method: "POST", name: "token", help: "gives tokens without a sign-in: scopes (a list), life in seconds"
        ) { control, json in
            let scopes = json["scopes"]?.array?.compactMap(\.string) ?? Tokens.allScopes
            let pair = control.service.tokens.issue(scopes: scopes, life: try json.whole("life") ?? 14_400)
            return [
                "access_token": .string(pair.access), "refresh_token": pair.refresh.map(JSON.string) ?? .null,
            ]
        },
        Command(
            method: "POST", name: "expire-tokens",
            help: "makes access tokens answer with expired_access_token; refreshing works"
        ) { control, _ in
            control.service.tokens.expireAccessTokens()
            return [:]
        },
        Command(method: "POST", name: "revoke", help: "ends every sign-in") { control, _ in
            control.service.tokens.revokeAll()
            return [:]
        },
        Command(
            method: "POST", name: "faults",
            help: "adds a fault, or several in a list: kind (\(Fault.Effect.kinds.joined(separator: ", "))), "
                + "endpoint, path, skip, every, times (0: for ever), probability, and what the kind takes"
        ) { control, json in
            let faults = try (json.array ?? [json]).map { try Fault(json: $0) }
            return ["numbers": .array(faults.map { .int(Int64(control.faults.add($0))) })]
        },
        Command(method: "GET", name: "faults", help: "the faults that may still strike") { control, _ in
            .array(
                control.faults.waiting.map { waiting in
                    [
                        "number": .int(Int64(waiting.number)), "endpoint": .string(waiting.fault.endpoint),
                        "path": waiting.fault.path.map(JSON.string) ?? .null, "struck": .int(Int64(waiting.struck)),
                        "effect": .string("\(waiting.fault.effect)"),
                    ]
                })
        },
        Command(method: "DELETE", name: "faults", help: "forgets all faults") { control, _ in
            control.faults.clear()
            return [:]
        },
        Command(
            method: "POST", name: "raw-entries",
            help: "makes listings lie: entry (JSON or not, as a text) for the entry of path (in lower case), or besides"
        ) { control, json in
            let entry = Array(try json.text(of: "entry").utf8)
            if let path = json["path"]?.string {
                control.service.rawEntries.replace(path, with: entry)
            } else {
                control.service.rawEntries.add(entry)
            }
            return [:]
        },
        Command(method: "DELETE", name: "raw-entries", help: "makes listings tell the truth again") { control, _ in
            control.service.rawEntries.clear()
            return [:]
        },
        Command(method: "GET", name: "log", help: "the last requests, oldest first") { control, _ in
            .array(control.log.records.map(\.json))
        },
        Command(method: "DELETE", name: "log", help: "forgets requests and counts") { control, _ in
            control.log.clear()
            return [:]
        },
        Command(method: "GET", name: "counters", help: "requests and bytes since the start or the last DELETE log") {
            control, _ in control.log.counters.json
        },
    ]
}

extension RequestLog.Record {
    var json: JSON {
        [
            "number": .int(Int64(number)), "time": .int(time), "method": .string(method),
            "endpoint": .string(endpoint), "subject": .string(subject), "range": range.map(JSON.string) ?? .null,
            "agent": agent.map(JSON.string) ?? .null, "peer": .int(Int64(peer)), "request_id": .string(requestID),
            "status": .int(Int64(status)), "bytes": .int(bytes), "received": .int(received),
            "fault": fault.map(JSON.string) ?? .null,
        ]
    }
}

extension RequestLog.Counters {
    var json: JSON {
        let statuses = statuses.sorted { $0.key < $1.key }
        let endpoints = endpoints.sorted { $0.key < $1.key }
        return [
            "requests": .int(Int64(requests)), "bytes": .int(bytes), "received": .int(received),
            "faults": .int(Int64(faults)), "running": .int(Int64(running)), "peak": .int(Int64(peak)),
            "connections": .int(Int64(connections)),
            "endpoints": .object(endpoints.map { JSON.Member($0.key, .int(Int64($0.value))) }),
            "statuses": .object(statuses.map { JSON.Member(String($0.key), .int(Int64($0.value))) }),
        ]
    }
}

extension Settings {
    /// The switches by the names under which they can be changed.
    var json: JSON {
        [
            "page_size": .int(Int64(pageSize)), "empty_page_every": .int(Int64(emptyPageEvery)),
            "children_before_parents": .bool(childrenBeforeParents),
            "deletes_list_children": .bool(deletesListChildren), "moves_add_first": .bool(movesAddFirst),
            "moves_make_revisions": .bool(movesMakeRevisions), "ancestor_case": .string(ancestorCase.rawValue),
            "lists_watched_folder": .bool(listsWatchedFolder), "refuses_lost_folders": .bool(refusesLostFolders),
            "longpoll_scale": .number(longpollScale),
            "longpoll_is_spurious": .bool(longpollIsSpurious), "longpoll_jitter": .int(Int64(longpollJitter)),
            "longpoll_backoff": longpollBackoff.map { .int(Int64($0)) } ?? .null, "extra_fields": .bool(extraFields),
            "unsatisfiable_range": .int(Int64(unsatisfiableRange)), "access_token_life": .int(accessTokenLife),
            "upload_limit": .int(Int64(uploadLimit)), "zip_entry_limit": .int(Int64(zipEntryLimit)),
            "zip_size_limit": .int(zipSizeLimit), "zip_file_limit": .int(zipFileLimit),
            "exports_newest_revision": .bool(exportsNewestRevision),
            "root_namespace": .string(rootNamespace), "root_info_says_user": .bool(rootInfoSaysUser),
            "account_id": .string(accountID), "quota": .int(quota),
            "read_only_folder": .string(readOnlyFolder), "disallowed_name": .string(disallowedName),
            "session_life": .int(sessionLife), "delay": .int(Int64(delay)), "rate": .int(Int64(rate)),
            "upload_rate": .int(Int64(uploadRate)),
        ]
    }
}
