DROP TABLE nodes;
DROP TABLE projects;
