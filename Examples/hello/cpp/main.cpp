// A function in C++: a program that asks the Runtime API for events over plain sockets.
// Those who have it use https://github.com/awslabs/aws-lambda-cpp instead.

#include <netdb.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

// The event is JSON and so is the answer, which has the event in it.
static std::string handle(const std::string &event) {
    std::cout << "Greeting " << event << std::endl;
    return R"({"statusCode": 200, "body": "Hello from C++", "event": )" + event + "}";
}

static int connect_to(const std::string &address) {
    const auto colon = address.rfind(':');
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(address.substr(0, colon).c_str(), address.substr(colon + 1).c_str(), &hints, &found)) exit(1);
    const int socket_ = socket(found->ai_family, found->ai_socktype, 0);
    if (socket_ < 0 || connect(socket_, found->ai_addr, found->ai_addrlen)) exit(1);
    freeaddrinfo(found);
    return socket_;
}

// One request to the Runtime API: the answer's head and body.
static std::pair<std::string, std::string> call(const std::string &method, const std::string &path,
                                                const std::string &body) {
    static const std::string api = getenv("AWS_LAMBDA_RUNTIME_API");
    const std::string request = method + " /2018-06-01/runtime/invocation/" + path + " HTTP/1.1\r\nHost: " + api +
                                "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                                "\r\n\r\n" + body;
    const int socket_ = connect_to(api);
    for (size_t sent = 0; sent < request.size();) {
        const auto count = write(socket_, request.data() + sent, request.size() - sent);
        if (count <= 0) exit(1);
        sent += count;
    }
    std::string answer;
    char chunk[65536];
    for (ssize_t count; (count = read(socket_, chunk, sizeof chunk)) > 0;) answer.append(chunk, count);
    close(socket_);
    const auto end = answer.find("\r\n\r\n");
    if (end == std::string::npos) exit(1);
    return {answer.substr(0, end + 2), answer.substr(end + 4)};
}

static std::string request_id(const std::string &head) {
    static const std::string name = "lambda-runtime-aws-request-id:";
    for (size_t line = 0; line < head.size(); line = head.find("\r\n", line) + 2) {
        if (strncasecmp(head.c_str() + line, name.c_str(), name.size())) continue;
        const auto start = head.find_first_not_of(' ', line + name.size());
        return head.substr(start, head.find("\r\n", start) - start);
    }
    exit(1);
}

int main() {
    for (;;) {
        const auto [head, event] = call("GET", "next", "");
        call("POST", request_id(head) + "/response", handle(event));
    }
}
