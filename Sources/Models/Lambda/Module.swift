// Models/Lambda
