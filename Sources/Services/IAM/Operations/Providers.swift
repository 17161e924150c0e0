import AWSWire
import IAMModel

extension IAMService {
    func createOpenIDConnectProvider(_ call: Call) async throws -> Output {
        let input = try IAM.CreateOpenIDConnectProviderRequest(decoding: call.request)
        let scheme = "https://"
        guard input.url.hasPrefix(scheme),
            let host = input.url.dropFirst(scheme.utf8.count).split(separator: "/").first,
            !host.contains(where: { "?#@".contains($0) })
        else { throw AWSError.invalid("Invalid Open ID Connect Provider URL") }
        let provider = ProviderRecord(
            name: ProviderRecord.name(of: input.url), clientIDs: Self.unique(input.clientIDList ?? []),
            thumbprints: Self.unique(input.thumbprintList ?? []), created: call.now,
            tags: try TagRecord.checked(input.tags, quota: quotas.tagsPerResource))
        try mustFit(provider)
        try await accounts.change(call.account) { [quotas] account in
            guard !account.providers.isTaken(provider.name) else {
                throw IAMError.entityAlreadyExists(message: "Provider with url \(input.url) already exists.")
            }
            guard account.providers.count < quotas.providers else {
                throw AWSError.exceeds("OpenIdConnectProvidersPerAccount", quotas.providers)
            }
            account.providers.put(provider)
        }
        return IAM.CreateOpenIDConnectProviderResponse(
            openIDConnectProviderArn: call.names.provider(provider.name),
            tags: provider.tags.isEmpty ? nil : provider.tags.map(\.shape))
    }

    func getOpenIDConnectProvider(_ call: Call) throws -> Output {
        let input = try IAM.GetOpenIDConnectProviderRequest(decoding: call.request)
        let provider = try accounts[call.account].provider(input.openIDConnectProviderArn, call.names)
        return IAM.GetOpenIDConnectProviderResponse(
            url: provider.name, clientIDList: provider.clientIDs, thumbprintList: provider.thumbprints,
            createDate: Double(provider.created), tags: provider.tags.map(\.shape))
    }

    func listOpenIDConnectProviders(_ call: Call) throws -> Output {
        _ = try IAM.ListOpenIDConnectProvidersRequest(decoding: call.request)
        let all = accounts[call.account].providers.sorted
        return IAM.ListOpenIDConnectProvidersResponse(
            openIDConnectProviderList: all.map { .init(arn: call.names.provider($0.name)) })
    }

    func updateOpenIDConnectProviderThumbprint(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateOpenIDConnectProviderThumbprintRequest(decoding: call.request)
        try await changeProvider(input.openIDConnectProviderArn, call) { [self] provider in
            provider.thumbprints = Self.unique(input.thumbprintList)
            try mustFit(provider)
        }
        return nil
    }

    func addClientIDToOpenIDConnectProvider(_ call: Call) async throws -> Output {
        let input = try IAM.AddClientIDToOpenIDConnectProviderRequest(decoding: call.request)
        try await changeProvider(input.openIDConnectProviderArn, call) { [self] provider in
            provider.clientIDs = Self.unique(provider.clientIDs + [input.clientID])
            try mustFit(provider)
        }
        return nil
    }

    /// One that the provider does not have is no error.
    func removeClientIDFromOpenIDConnectProvider(_ call: Call) async throws -> Output {
        let input = try IAM.RemoveClientIDFromOpenIDConnectProviderRequest(decoding: call.request)
        try await changeProvider(input.openIDConnectProviderArn, call) { provider in
            provider.clientIDs.removeAll { $0 == input.clientID }
        }
        return nil
    }

    func deleteOpenIDConnectProvider(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteOpenIDConnectProviderRequest(decoding: call.request)
        try await accounts.change(call.account) { account in
            account.providers.remove(try account.provider(input.openIDConnectProviderArn, call.names).name)
        }
        return nil
    }

    func changeProvider(
        _ arn: String, _ call: Call, _ work: @escaping @Sendable (inout ProviderRecord) throws -> Void
    ) async throws {
        try await accounts.change(call.account) { account in
            var provider = try account.provider(arn, call.names)
            try work(&provider)
            account.providers.put(provider)
        }
    }

    private func mustFit(_ provider: ProviderRecord) throws(AWSError) {
        guard provider.thumbprints.count <= quotas.thumbprintsPerProvider else {
            throw IAMError.invalidInput(message: "Thumbprint list must contain fewer than 5 entries.")
        }
        guard provider.clientIDs.count <= quotas.clientIDsPerProvider else {
            throw .exceeds("ClientIdsPerOpenIdConnectProvider", quotas.clientIDsPerProvider)
        }
    }

    private static func unique(_ values: [String]) -> [String] {
        var seen: Set<String> = []
        return values.filter { seen.insert($0).inserted }
    }
}

extension Account {
    func provider(_ arn: String, _ names: Names) throws(AWSError) -> ProviderRecord {
        let prefix = names.provider("")
        guard arn.hasPrefix(prefix), let provider = providers[String(arn.dropFirst(prefix.utf8.count))] else {
            throw .noProvider(arn)
        }
        return provider
    }
}
