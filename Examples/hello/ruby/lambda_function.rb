def lambda_handler(event:, context:)
  name = event.fetch('name', 'world')
  puts "Greeting #{name}"
  { statusCode: 200, body: "Hello, #{name}" }
end
