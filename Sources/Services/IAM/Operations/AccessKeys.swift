import AWSWire
import IAMModel
import Storage

extension IAMService {
    /// The only answer that ever shows the secret.
    func createAccessKey(_ call: Call) async throws -> Output {
        let input = try IAM.CreateAccessKeyRequest(decoding: call.request)
        let user = try call.user(input.userName)
        let secret = Self.secret()
        var key = KeyRecord(
            name: AccessKeyID.make(account: call.account), user: user, sealed: "", isActive: true, created: call.now)
        key.sealed = Base64.encode(try sealing.seal(Array(secret.utf8), context: key.context))
        try await accounts.change(call.account) { [quotas, key] account in
            _ = try account.user(user)
            guard account.keys(of: user).count < quotas.accessKeysPerUser else {
                throw AWSError.exceeds("AccessKeysPerUser", quotas.accessKeysPerUser)
            }
            account.keys.put(key)
        }
        return IAM.CreateAccessKeyResponse(
            accessKey: IAM.AccessKey(
                userName: user, accessKeyId: key.name, status: key.status, secretAccessKey: secret,
                createDate: Double(key.created)))
    }

    func listAccessKeys(_ call: Call) throws -> Output {
        let input = try IAM.ListAccessKeysRequest(decoding: call.request)
        let account = accounts[call.account]
        let user = try account.user(try call.user(input.userName))
        let page = try Page(
            account.keys(of: user.name).sorted { $0.name < $1.name }, marker: input.marker, limit: input.maxItems
        ) { $0.name }
        let keys = page.elements.map { key in
            IAM.AccessKeyMetadata(
                userName: key.user, accessKeyId: key.name, status: key.status, createDate: Double(key.created))
        }
        return IAM.ListAccessKeysResponse(
            accessKeyMetadata: keys, isTruncated: page.isTruncated, marker: page.marker)
    }

    func updateAccessKey(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateAccessKeyRequest(decoding: call.request)
        let user = try call.user(input.userName)
        try await accounts.change(call.account) { account in
            var key = try account.key(input.accessKeyId, of: user)
            key.isActive = input.status == .active
            account.keys.put(key)
        }
        return nil
    }

    func deleteAccessKey(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteAccessKeyRequest(decoding: call.request)
        let user = try call.user(input.userName)
        try await accounts.change(call.account) { account in
            account.keys.remove(try account.key(input.accessKeyId, of: user).name)
        }
        uses.drop(input.accessKeyId)
        return nil
    }

    func getAccessKeyLastUsed(_ call: Call) throws -> Output {
        let input = try IAM.GetAccessKeyLastUsedRequest(decoding: call.request)
        guard let key = accounts[call.account].keys[input.accessKeyId] else {
            throw AWSError.noKey(input.accessKeyId)
        }
        let use = uses[key.name]
        let shape = IAM.AccessKeyLastUsed(
            lastUsedDate: use.map { Double($0.time) }, serviceName: use?.service ?? "N/A", region: use?.region ?? "N/A")
        return IAM.GetAccessKeyLastUsedResponse(userName: key.user, accessKeyLastUsed: shape)
    }

    /// 40 characters of base64: 240 bits.
    private static func secret() -> String {
        var generator = BufferedRandom()
        var bytes: [UInt8] = []
        while bytes.count < 30 {
            withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
        }
        return Base64.encode(bytes.prefix(30))
    }
}

extension KeyRecord {
    var status: IAM.StatusType { isActive ? .active : .inactive }
}

extension Account {
    func key(_ id: String, of name: String) throws(AWSError) -> KeyRecord {
        let user = try user(name)
        guard let key = keys[id], key.user == user.name else { throw .noKey(id) }
        return key
    }
}
