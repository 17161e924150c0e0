import Storage

/// Which content functions have in `/opt`: what a function has stays, whatever becomes of the layer.
extension FunctionRepository {
    /// Keeps in mind which layers a version of a function has.
    ///
    /// - Parameters:
    ///   - version: 0 is `$LATEST`.
    ///   - settings: All that environments may be made from.
    func keepLayers(of key: FunctionKey, version: Int, _ settings: [FunctionSettings]) throws {
        try forgetLayers(of: key, version: version)
        var parts: [String: SQLValue] = [:]
        for settings in settings {
            guard let layers = settings.layers, let tree = settings.opt else { continue }
            for layer in layers { parts[layer.code] = .null }
            parts[tree] = .text(layers.map(\.code).joined(separator: ","))
        }
        for (content, parts) in parts {
            try connection.execute(
                """
                INSERT INTO lambda_layer_uses (account, region, name, version, content, parts)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
                key.arguments + [.integer(Int64(version)), .text(content), parts])
        }
    }

    /// - Parameter version: 0 is `$LATEST`.
    func forgetLayers(of key: FunctionKey, version: Int) throws {
        try connection.execute(
            "DELETE FROM lambda_layer_uses WHERE account = ? AND region = ? AND name = ? AND version = ?",
            key.arguments + [.integer(Int64(version))])
    }

    /// The merged trees that functions have, each once, with the layers that they are made from.
    func layerTrees() throws -> [(name: String, layers: [String])] {
        try connection.query("SELECT DISTINCT content, parts FROM lambda_layer_uses WHERE parts IS NOT NULL", [])
            .map { row in
                let parts = try row.text("parts").split(separator: ",").map(String.init)
                return (try row.text("content"), parts)
            }
    }

    /// Whether this is the content of a layer or of what a function has in `/opt`.
    func layersRefer(to content: String) throws -> Bool {
        try !connection.query(
            """
            SELECT 1 AS found FROM lambda_layer_versions WHERE code = ?
            UNION ALL SELECT 1 AS found FROM lambda_layer_uses WHERE content = ? LIMIT 1
            """, [.text(content), .text(content)]
        ).isEmpty
    }

    /// Whether a version of a layer of the account has this code.
    func layersRefer(to code: String, account: String) throws -> Bool {
        try !connection.query(
            "SELECT 1 AS found FROM lambda_layer_versions WHERE code = ? AND account = ? LIMIT 1",
            [.text(code), .text(account)]
        ).isEmpty
    }
}
