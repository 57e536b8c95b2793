import Transport

// What to do about a host that cannot be asked; pure.
extension NetworkChecks {
    /// What to do about a host that gives no answer.
    ///
    /// - Parameters:
    ///   - proxy: the one in use, in words.
    ///   - place: the URL that was asked.
    static func advice(_ error: TransportError, proxy: String?, place: String) -> String? {
        if error.isHandshake && isEncrypted(place) {
            let between = proxy.map { "\($0), or " } ?? ""
            return
                "what answers there does not speak TLS as Dropbox does: look at \(between)what filters the network here; "
                + "a server of your own that speaks plain HTTP is account.endpoint = \"http://...\""
        }
        if let proxy, [.resolve, .connect, .timeout, .cut].contains(error.code) {
            return "look at \(proxy): Dropbox is asked through it, and it does not answer, or gets no answer itself"
        }
        return switch error.code {
        case .resolve: "look at /etc/resolv.conf and the network; set account.proxy if names are not looked up here"
        case .connect:
            "look at the network and the firewall: TCP to port \(port(of: place)) has to be let out, or set account.proxy"
        case .untrusted:
            "look at the clock and the package ca-certificates; account.ca_file for an authority of your own"
        case .timeout: "look at the network and the firewall; set account.proxy if Dropbox is reached by one"
        case .cut: "something on the way ends the connection: look at the proxy and the firewall"
        case .tooLarge, .unusable, .stopped: nil
        }
    }

    /// Whether TLS is spoken there.
    private static func isEncrypted(_ place: String) -> Bool { place.lowercased().hasPrefix("https:") }

    /// The port of a URL (RFC 3986, section 3.2), that of its scheme where it names none.
    static func port(of place: String) -> String {
        let authority = (place.firstRange(of: "://").map { place[$0.upperBound...] } ?? place[...]).prefix { $0 != "/" }
        // Within brackets a colon is part of an address.
        let end = authority[(authority.lastIndex(of: "]") ?? authority.startIndex)...]
        let named = end.lastIndex(of: ":").map { end[end.index(after: $0)...] } ?? ""
        return named.isEmpty ? isEncrypted(place) ? "443" : "80" : String(named)
    }
}
