// Services/Lambda
