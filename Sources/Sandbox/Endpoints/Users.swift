extension Service {
    /// The account itself: docs/dropbox-api.md#9-users-and-team-spaces.
    static let users: [Route] = [
        Route(name: "users/get_current_account", style: .rpc, scope: "account_info.read", isVoid: true) {
            service, _ in .json(service.fullAccount())
        },
        Route(name: "users/get_space_usage", style: .rpc, scope: "account_info.read", isVoid: true) { service, _ in
            .json([
                "used": .int(service.account.usedBytes),
                "allocation": [
                    ".tag": "individual",
                    "allocated": .int(
                        service.account.settings.quota == 0 ? 2_199_023_255_552 : service.account.settings.quota),
                ],
            ])
        },
        Route(name: "check/user", style: .rpc, scope: "account_info.read") { _, call in
            let query = try call.argument.optionalString("query") ?? ""
            try call.argument.finish()
            guard query.unicodeScalars.count <= 500 else {
                throw call.argument.complaint("query", "'\(query)' must be at most 500 characters")
            }
            return .json(query.isEmpty ? [:] : ["result": .string(query)])
        },
        Route(name: "auth/token/revoke", style: .rpc, scope: nil, isVoid: true) { service, call in
            service.tokens.revoke(call.token)
            return .void
        },
    ]

    private func fullAccount() -> JSON {
        [
            "account_id": .string(account.settings.accountID),
            "name": [
                "given_name": "Ana", "surname": "Ruiz", "familiar_name": "Ana", "display_name": "Ana Ruiz",
                "abbreviated_name": "AR",
            ],
            "email": "ana@example.org", "email_verified": true, "disabled": false, "country": "DE", "locale": "en",
            "referral_link": "https://example.org/r", "is_paired": false, "account_type": [".tag": "basic"],
            "root_info": rootInfo(account.settings),
        ]
    }
}
