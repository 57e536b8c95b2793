import FoundationEssentials
import SyncModel

/// Proof Key for Code Exchange (RFC 7636), method S256: binds the pasted code to this sign-in.
public struct PKCE: Hashable, Sendable {
    /// The secret, sent with the code.
    public let verifier: String

    /// Creates a new secret of 64 characters.
    public init() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array(PKCE.alphabet.utf8)
        let letters = (0..<64).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
        verifier = String(decoding: letters, as: UTF8.self)
    }

    /// Takes a secret made earlier: 43 to 128 letters, digits, `-`, `.`, `_` or `~`; `nil` for anything else.
    public init?(verifier: String) {
        guard (43...128).contains(verifier.utf8.count), verifier.allSatisfy({ PKCE.alphabet.contains($0) }) else {
            return nil
        }
        self.verifier = verifier
    }

    /// The secret's SHA-256 in base64url, part of the URL that the user opens.
    public var challenge: String {
        let hasher = SHA256Hasher()
        Array(verifier.utf8).withUnsafeBytes { hasher.update($0) }
        return PKCE.base64url(hasher.finish())
    }

    private static let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

    /// Base64 with `-` and `_`, without padding (RFC 4648, section 5).
    private static func base64url(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
