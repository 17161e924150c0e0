import AWSWire
import Gateway
import LambdaService
import NIOCore
import NIOHTTP1

/// The pages of the gateway at which function URLs are served: by host name, and by path for clients that cannot
/// resolve the name.
enum FunctionURLRoutes {
    static func all(_ functions: LambdaService) -> [GatewayRoute] {
        let byHost = GatewayRoute(
            at: .host { FunctionURLAddress.parse(host: $0) != nil },
            for: { request in
                access(FunctionURLAddress.parse(host: request.headers.first(name: "host") ?? "")?.id, functions)
            },
            limit: functions.urlBodyLimit,
            audit: GatewayRoute.Audit(functions) { request, answer in
                guard let (id, region) = FunctionURLAddress.parse(host: request.headers.first(name: "host") ?? "")
                else {
                    return nil
                }
                return functions.audited(url: id, region: region, request, answer)
            }
        ) { request, eventLoop in
            let (id, region) = FunctionURLAddress.parse(host: request.headers.first(name: "host") ?? "") ?? ("", "")
            return functions.serve(url: id, region: region, path: request.path, request, on: eventLoop)
                .map { .response($0) }
        }
        let byPath = GatewayRoute(
            at: .path(prefix: FunctionURLAddress.pathPrefix),
            for: { access(FunctionURLAddress.parse(path: $0.path)?.id, functions) }, limit: functions.urlBodyLimit,
            audit: GatewayRoute.Audit(functions) { request, answer in
                FunctionURLAddress.parse(path: request.path).flatMap { functions.audited(url: $0.id, request, answer) }
            }
        ) { request, eventLoop in
            let (id, path) = FunctionURLAddress.parse(path: request.path) ?? ("", "/")
            return functions.serve(url: id, path: path, request, on: eventLoop).map { .response($0) }
        }
        return [byHost, byPath]
    }

    private static func access(_ id: String?, _ functions: LambdaService) -> GatewayRoute.Access {
        id.flatMap(functions.requiresSignature) == true ? .offered(service: "lambda") : .open
    }
}
