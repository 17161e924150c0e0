# A greeting, by a script that runs for every invocation: handler app.ps1, runtime provided.al2023.
Write-Host "Greeting $($LambdaInput.name) in request $($LambdaContext.AwsRequestId)"
@{ statusCode = 200; body = "Hello, $($LambdaInput.name)" }
