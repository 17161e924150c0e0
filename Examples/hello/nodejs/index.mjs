export const handler = async (event) => {
  const name = event.name ?? 'world';
  console.log('Greeting', name);
  return { statusCode: 200, body: `Hello, ${name}` };
};
