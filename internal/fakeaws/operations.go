package fakeaws

// operations lists everything that the server answers, by "service.Operation".
func (s *Server) operations() map[string]operation {
	return map[string]operation{
		"ecs.ListClusters":               jsonOperation(s.listClusters),
		"ecs.DescribeClusters":           jsonOperation(s.describeClusters),
		"ecs.ListServices":               jsonOperation(s.listServices),
		"ecs.DescribeServices":           jsonOperation(s.describeServices),
		"ecs.ListServiceDeployments":     jsonOperation(s.listServiceDeployments),
		"ecs.UpdateService":              jsonOperation(s.updateService),
		"ecs.ListTasks":                  jsonOperation(s.listTasks),
		"ecs.DescribeTasks":              jsonOperation(s.describeTasks),
		"ecs.RunTask":                    jsonOperation(s.runTask),
		"ecs.StopTask":                   jsonOperation(s.stopTask),
		"ecs.DescribeTaskDefinition":     jsonOperation(s.describeTaskDefinition),
		"ecs.RegisterTaskDefinition":     jsonOperation(s.registerTaskDefinition),
		"ecs.DescribeContainerInstances": jsonOperation(s.describeContainerInstances),
		"ecs.GetTaskProtection":          jsonOperation(s.getTaskProtection),
		"ecs.UpdateTaskProtection":       jsonOperation(s.updateTaskProtection),
		"ecs.ExecuteCommand":             jsonOperation(s.executeCommand),

		"ssm.StartSession":        jsonOperation(s.startSession),
		"ssm.ResumeSession":       jsonOperation(s.resumeSession),
		"ssm.TerminateSession":    jsonOperation(s.terminateSession),
		"ssm.GetConnectionStatus": jsonOperation(s.getConnectionStatus),
		"ssm.DescribeSessions":    jsonOperation(s.describeSessions),

		"sts.GetCallerIdentity": s.getCallerIdentity,

		"iam.SimulatePrincipalPolicy": queryOperation(s.simulatePrincipalPolicy),
		"iam.GetRole":                 queryOperation(s.getRole),
		"iam.GetRolePolicy":           queryOperation(s.getRolePolicy),
		"iam.PutRolePolicy":           queryOperation(s.putRolePolicy),
		"iam.DeleteRolePolicy":        queryOperation(s.deleteRolePolicy),

		elbService + ".DescribeTargetGroups": queryOperation(s.describeTargetGroups),
		elbService + ".DescribeTargetHealth": queryOperation(s.describeTargetHealth),
		elbService + ".ModifyTargetGroup":    queryOperation(s.modifyTargetGroup),

		"ec2.DescribeSubnets":           queryOperation(s.describeSubnets),
		"ec2.DescribeRouteTables":       queryOperation(s.describeRouteTables),
		"ec2.DescribeVpcEndpoints":      queryOperation(s.describeVpcEndpoints),
		"ec2.DescribeSecurityGroups":    queryOperation(s.describeSecurityGroups),
		"ec2.DescribeNetworkInterfaces": queryOperation(s.describeNetworkInterfaces),

		scalingService + ".DescribeScalableTargets":   jsonOperation(s.describeScalableTargets),
		scalingService + ".DescribeScalingActivities": jsonOperation(s.describeScalingActivities),

		"cloudwatch.GetMetricData": s.getMetricData,
	}
}
